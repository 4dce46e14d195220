//! Backups that are made every night.

use std::fmt;
use std::path::PathBuf;

use super::Secret;

/// A time of day on this machine's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeOfDay {
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
}

impl TimeOfDay {
    /// Takes `03:00`.
    ///
    /// # Errors
    /// What it looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let number = |part: &str, most: u8| {
            let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            let number = part.parse().ok().filter(|number| *number <= most);
            number.filter(|_| digits)
        };
        let parts = text.split_once(':');
        let time = parts.and_then(|(hour, minute)| {
            Some(Self {
                hour: number(hour, 23)?,
                minute: number(minute, 59)?,
            })
        });
        time.ok_or_else(|| {
            format!("must be a time of day such as 03:00, or empty for none (is {text:?})")
        })
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

/// Backups that are made every night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// When; none is never.
    pub nightly: Option<TimeOfDay>,
    /// How many of them are kept: the newest.
    pub keep: u16,
    /// The folder they are put in; none is `backups` in the data directory.
    pub dir: Option<PathBuf>,
    /// What they are encrypted by; without it they hold no secrets.
    pub passphrase: Secret,
}

impl Backup {
    /// The owner of the passphrase.
    pub const PASSPHRASE: &str = "backup.passphrase";

    /// Least characters of a passphrase: whoever finds a backup may try as long as they like.
    pub const MIN_PASSPHRASE: usize = 12;
}

impl Default for Backup {
    fn default() -> Self {
        Self {
            nightly: None,
            keep: 7,
            dir: None,
            passphrase: Secret::Absent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TimeOfDay;

    #[test]
    fn a_time_of_day_is_two_digits_twice() {
        for good in ["00:00", "03:05", "23:59"] {
            assert_eq!(TimeOfDay::parse(good).unwrap().to_string(), good);
        }
        for bad in [
            "",
            "3:00",
            "24:00",
            "12:60",
            "12",
            "12:00:00",
            "+1:00",
            "１２:00",
        ] {
            assert!(TimeOfDay::parse(bad).is_err(), "{bad}");
        }
    }
}
