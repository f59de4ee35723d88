//! Files, and lists of files and batches, as the gate shows them to its callers.

use domain::file::File;

use crate::json::push_text;

/// Whether a list that is written goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// Nothing follows.
    Last,
    /// More can be asked for.
    MoreFollows,
}

/// A file's object, from what the gate knows of it.
#[must_use]
pub fn write_file(file: &File) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    push_file(&mut out, file);
    out
}

/// A page of a list of files.
#[must_use]
pub fn write_files(files: &[File], page: Page) -> Vec<u8> {
    let names = (files.first().map(|file| file.name.as_str()), files.last().map(|file| file.name.as_str()));
    write_list(files, names, page, push_file)
}

/// What is left to say of a file that was removed.
#[must_use]
pub fn write_removed(name: &str) -> Vec<u8> {
    let mut out = br#"{"id":"#.to_vec();
    push_text(&mut out, name);
    out.extend_from_slice(br#","object":"file","deleted":true}"#);
    out
}

/// A page of a list of batches: the name of each and its object, which is JSON that was read, as it came.
#[must_use]
pub fn write_batches(batches: &[(&str, &[u8])], page: Page) -> Vec<u8> {
    let names = (batches.first().map(|(name, _)| *name), batches.last().map(|(name, _)| *name));
    write_list(batches, names, page, |out, (_, object)| out.extend_from_slice(object))
}

fn write_list<T>(
    rows: &[T],
    (first, last): (Option<&str>, Option<&str>),
    page: Page,
    push: impl Fn(&mut Vec<u8>, &T),
) -> Vec<u8> {
    let mut out = Vec::with_capacity(128 + 192 * rows.len());
    out.extend_from_slice(br#"{"object":"list","data":["#);
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push(&mut out, row);
    }
    out.push(b']');
    for (member, name) in [(r#","first_id":"#, first), (r#","last_id":"#, last)] {
        out.extend_from_slice(member.as_bytes());
        match name {
            Some(name) => push_text(&mut out, name),
            None => out.extend_from_slice(b"null"),
        }
    }
    let has_more = page == Page::MoreFollows;
    out.extend_from_slice(format!(r#","has_more":{has_more}}}"#).as_bytes());
    out
}

/// Clients need the member `status`, which no longer says anything.
fn push_file(out: &mut Vec<u8>, file: &File) {
    out.extend_from_slice(br#"{"id":"#);
    push_text(out, &file.name);
    let numbers = format!(r#","object":"file","bytes":{},"created_at":{}"#, file.bytes, file.at.seconds());
    out.extend_from_slice(numbers.as_bytes());
    out.extend_from_slice(br#","filename":"#);
    push_text(out, &file.filename);
    out.extend_from_slice(br#","purpose":"#);
    push_text(out, &file.purpose);
    out.extend_from_slice(br#","status":"processed"}"#);
}
