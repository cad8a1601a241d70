//! The components that all pages are made of, so that they look and work alike; never what a page is about.

mod button;
mod code;
mod confirm;
mod feedback;
mod field;
mod form;
mod icon;
mod layout;
mod list;
mod meter;
mod secret;
mod value;

pub use button::{Kind, button, link_button, named_button};
pub use code::{Sample, code_block, samples};
pub use confirm::{Confirm, confirm};
pub use feedback::{Tone, badge, done, empty, notice};
pub use field::{Choice, Field, checks, field, radios, select, text_area};
pub use form::{error_of, error_summary, form, get_form, hidden, open_form};
pub(in crate::web::portal) use icon::file as icon_file;
pub use icon::{Icon, icon};
pub use layout::{
    Step, Tab, card, card_flush, crumbs, head, key_values, script, steps, style, tabs, tile,
};
pub use list::{Column, pager, table};
pub use meter::{Level, meter};
pub use secret::{copy_button, secret_once};
pub use value::{date, day_of, number, time, until, when_left};
