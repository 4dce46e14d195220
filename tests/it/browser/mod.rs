//! The panel in real Chromium: every page judged and photographed, and the walks of people who read only the screen.

mod backups;
mod https;
mod pages;
mod pictures;
mod walks;
mod world;
