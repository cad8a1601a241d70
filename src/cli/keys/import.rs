//! `fuelgate keys import`: reads digests of existing keys and sends them in batches; never what a digest means.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, stdin};
use std::path::Path;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::base::ceilings::{ADMIN_BODY_BYTES, IMPORT_ARRAY_BYTES, IMPORT_KEYS};
use crate::cli::client::error::{CliError, FieldError};
use crate::cli::client::http::Admin;
use crate::cli::client::print::Output;

/// What goes round the keys of a batch, in bytes.
const FRAME: &str = r#"{"keys":[]}"#;

/// Sums over the answers.
#[derive(Debug, Default, Deserialize)]
struct Counts {
    created: u64,
    existing: u64,
}

/// Keys that are sent together: bounded in number and in bytes, as the admin API bounds them.
#[derive(Debug, Default)]
struct Batch {
    keys: Vec<Box<RawValue>>,
    bytes: usize,
}

impl Batch {
    fn has_room_for(&self, key: &RawValue) -> bool {
        // A comma each.
        let bytes = FRAME.len() + self.bytes + self.keys.len() + key.get().len();
        self.keys.len() < IMPORT_KEYS && bytes < ADMIN_BODY_BYTES
    }

    fn push(&mut self, key: Box<RawValue>) {
        self.bytes += key.get().len();
        self.keys.push(key);
    }

    fn body(&self) -> String {
        let keys: Vec<&str> = self.keys.iter().map(|k| k.get()).collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }
}

/// Imports `file`. A batch is taken over as a whole or not at all, and repeating an import is harmless.
pub(super) async fn run(file: &Path, admin: &Admin, output: &mut Output) -> Result<(), CliError> {
    let mut keys = Keys::open(file)?;
    let (mut counts, mut sent) = (Counts::default(), 0);
    let mut batch = Batch::default();
    while let Some(key) = keys.next()? {
        if !batch.has_room_for(&key) {
            sent += send(
                &std::mem::take(&mut batch),
                sent,
                &mut counts,
                admin,
                output,
            )
            .await?;
        }
        if !batch.has_room_for(&key) {
            let number = sent + 1;
            return Err(CliError::usage(format!(
                "key {number} is larger than {ADMIN_BODY_BYTES} bytes"
            )));
        }
        batch.push(key);
    }
    if !batch.keys.is_empty() {
        sent += send(&batch, sent, &mut counts, admin, output).await?;
    }
    if sent == 0 {
        return Err(CliError::usage(format!("{} holds no keys", file.display())));
    }
    let Counts { created, existing } = counts;
    let sentence = format!("{created} keys were made, {existing} were there already");
    output.done(
        &sentence,
        &json!({"created": created, "existing": existing}),
    );
    Ok(())
}

/// Sends one batch, before which `offset` keys were sent.
async fn send(
    batch: &Batch,
    offset: usize,
    counts: &mut Counts,
    admin: &Admin,
    output: &mut Output,
) -> Result<usize, CliError> {
    let answer = match admin.post_text(&["keys", "import"], batch.body()).await {
        Ok(answer) => answer,
        Err(error) => {
            output.note(&format!(
                "The first {offset} keys are imported; repeat the import once the cause is mended."
            ));
            return Err(shifted(error, offset));
        }
    };
    let done: Counts = serde_json::from_value(answer).map_err(|e| {
        CliError::Unexpected(format!("the answer to an import is not understood: {e}"))
    })?;
    counts.created += done.created;
    counts.existing += done.existing;
    Ok(batch.keys.len())
}

/// Counts the keys in an error from the beginning of the file instead of the batch.
fn shifted(error: CliError, offset: usize) -> CliError {
    let CliError::Refused(mut refusal) = error else {
        return error;
    };
    for FieldError { field, .. } in &mut refusal.errors {
        let parts = field.strip_prefix("keys[").and_then(|f| f.split_once(']'));
        if let Some((Ok(index), rest)) = parts.map(|(i, rest)| (i.parse::<usize>(), rest)) {
            *field = format!("keys[{}]{rest}", index + offset);
        }
    }
    CliError::Refused(refusal)
}

/// The keys of a file, one after the other.
enum Keys {
    /// A JSON array, read as a whole.
    Array(std::vec::IntoIter<Box<RawValue>>),
    /// A key a line, read line by line.
    Lines {
        reader: Box<dyn BufRead + Send>,
        number: usize,
        name: String,
    },
}

impl Keys {
    fn open(path: &Path) -> Result<Self, CliError> {
        let name = path.display().to_string();
        if name == "-" {
            return Self::new(
                Box::new(BufReader::new(stdin())),
                "standard input".to_owned(),
            );
        }
        let file = File::open(path).map_err(|e| CliError::usage(format!("{name}: {e}")))?;
        Self::new(Box::new(BufReader::new(file)), name)
    }

    fn new(mut reader: Box<dyn BufRead + Send>, name: String) -> Result<Self, CliError> {
        let bad = |e: &dyn std::fmt::Display| CliError::usage(format!("{name}: {e}"));
        let first = first_byte(&mut reader).map_err(|e| bad(&e))?;
        if first != Some(b'[') {
            return Ok(Self::Lines {
                reader,
                number: 0,
                name,
            });
        }
        let mut text = String::new();
        let mut bounded = reader.take(IMPORT_ARRAY_BYTES + 1);
        bounded.read_to_string(&mut text).map_err(|e| bad(&e))?;
        if text.len() as u64 > IMPORT_ARRAY_BYTES {
            return Err(bad(&format!(
                "an array of more than {IMPORT_ARRAY_BYTES} bytes: write one key a line instead"
            )));
        }
        let keys: Vec<Box<RawValue>> = serde_json::from_str(&text).map_err(|e| bad(&e))?;
        Ok(Self::Array(keys.into_iter()))
    }

    fn next(&mut self) -> Result<Option<Box<RawValue>>, CliError> {
        match self {
            Self::Array(keys) => Ok(keys.next()),
            Self::Lines {
                reader,
                number,
                name,
            } => loop {
                let mut line = String::new();
                let mut bounded = reader.take(ADMIN_BODY_BYTES as u64);
                let bad = |number: usize, e: &dyn std::fmt::Display| {
                    CliError::usage(format!("{name}, line {number}: {e}"))
                };
                *number += 1;
                let read = bounded.read_line(&mut line).map_err(|e| bad(*number, &e))?;
                if read == 0 {
                    return Ok(None);
                }
                let text = line.trim();
                if !text.is_empty() {
                    let key = RawValue::from_string(text.to_owned());
                    return key.map(Some).map_err(|e| bad(*number, &e));
                }
            },
        }
    }
}

/// The first byte that is not white space, which is read away before it.
fn first_byte(reader: &mut Box<dyn BufRead + Send>) -> std::io::Result<Option<u8>> {
    loop {
        let buffer = reader.fill_buf()?;
        let Some(first) = buffer.first().copied() else {
            return Ok(None);
        };
        if !first.is_ascii_whitespace() {
            return Ok(Some(first));
        }
        reader.consume(1);
    }
}
