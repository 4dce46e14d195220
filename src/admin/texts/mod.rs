//! Every word of the panel, in both languages, one file per page. A text without its
//! translation, or with another parameter in it, does not compile.

/// The pages, and every text of each for the tests that read them all. A new one is a line.
macro_rules! pages {
    ($($page:ident)*) => {
        $(mod $page;)*

        #[cfg(test)]
        const PAGES: &[&[(&str, &str, &str)]] = &[$($page::ALL),*];
    };
}

pages! {
    audit
    backup
    certificates
    changes
    diagnostics
    find
    forms
    history
    logs
    node
    nodes
    overview
    people
    second_factor
    sessions
    settings
    setup
    shell
    sign_in
    sites
    trial
}

pub(super) mod explained;
pub(super) mod problems;

use crate::model::Language;

/// The words of one language: `t.sign_in()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Texts(pub(super) Language);

/// A method of [`Texts`] for each line, which is its name, the parameters that both texts have
/// to hold, and the text in English and in Chinese.
macro_rules! texts {
    ($($name:ident($($parameter:ident),*): $english:literal, $chinese:literal;)*) => {
        impl $crate::admin::texts::Texts {
            $($crate::admin::texts::text!($name($($parameter),*): $english, $chinese);)*
        }

        /// Every text of this page, for the test that reads them all.
        #[cfg(test)]
        pub(in crate::admin::texts) const ALL: &[(&str, &str, &str)] =
            &[$((stringify!($name), $english, $chinese)),*];
    };
}

macro_rules! text {
    ($name:ident(): $english:literal, $chinese:literal) => {
        pub(in crate::admin) fn $name(self) -> &'static str {
            match self.0 {
                $crate::model::Language::English => $english,
                $crate::model::Language::Chinese => $chinese,
            }
        }
    };
    ($name:ident($($parameter:ident),+): $english:literal, $chinese:literal) => {
        pub(in crate::admin) fn $name(self, $($parameter: impl std::fmt::Display),+) -> String {
            match self.0 {
                $crate::model::Language::English => format!($english),
                $crate::model::Language::Chinese => format!($chinese),
            }
        }
    };
}

use {text, texts};

#[cfg(test)]
mod tests {
    use super::PAGES;

    /// What is the same in both languages, or differs in its marks alone.
    const ALIKE: &[&str] = &[
        "product",
        "language_english",
        "language_chinese",
        "value_alone",
        "percent",
        "and_so",
        "and_no_more",
        "failed_once",
        "log_comma",
        "as_sentence",
    ];

    #[test]
    fn every_text_is_chinese_in_chinese_and_english_in_english() {
        let is_chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        for (name, english, chinese) in PAGES.concat() {
            if ALIKE.contains(&name) {
                continue;
            }
            assert!(is_chinese(chinese), "{name} has no Chinese: {chinese}");
            assert!(!is_chinese(english), "{name} has no English: {english}");
            assert!(
                !english.trim().is_empty() && !english.contains("  "),
                "{name}"
            );
        }
    }

    #[test]
    fn the_fixed_terms_are_the_agreed_ones() {
        let terms = [
            ("certificate", "证书"),
            ("history", "历史"),
            ("token", "令牌"),
        ];
        for (name, english, chinese) in PAGES.concat() {
            for (term, its) in terms {
                let has = english.to_lowercase().contains(term);
                assert!(!has || chinese.contains(its), "{name}: {term} is {its}");
            }
        }
    }
}
