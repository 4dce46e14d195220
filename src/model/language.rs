//! The languages that the program speaks to its operator.

/// A language that the program's words are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English: of the command line and the log.
    #[default]
    English,
    /// 简体中文.
    Chinese,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// Its tag (RFC 5646).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }
}

/// A text in the language asked for: English, then Chinese, `{…}` as in `format!`.
macro_rules! words {
    ($language:expr, $english:literal, $chinese:literal) => {
        match $language {
            $crate::model::Language::English => format!($english),
            $crate::model::Language::Chinese => format!($chinese),
        }
    };
}

pub(crate) use words;
