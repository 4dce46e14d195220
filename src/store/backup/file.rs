//! The file of a backup: a line that says what it is, a line of JSON that says of what, the packed
//! image of the database, encrypted where it holds secrets, and the digest of all before it.
//!
//! Strict, because anybody may hand in anything: every length has its limit before memory is
//! taken, and nothing is looked at before the digest was found right.

use std::io::{Read, Write};

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand::fill;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{About, BackupError};
use crate::model::SecretBytes;
use crate::store::StoreError;

/// The first line.
const MAGIC: &[u8] = b"STEELYARD BACKUP\n";

/// How the rest is written. A reader that does not know it says so.
const FORMAT: u32 = 1;

/// Limit: of a file, in bytes.
pub const MAX_FILE: usize = 64 * 1024 * 1024;

/// Limit: of the image in it, unpacked.
const MAX_IMAGE: u64 = 128 * 1024 * 1024;

/// Limit: of the second line. It names a thousand certificates.
const MAX_HEADER: usize = 256 * 1024;

const DIGEST: usize = 32;
const KEY: usize = 32;
const SALT: usize = 16;

/// Memory in KiB, rounds, lanes: RFC 9106's second choice, for where memory is short. Whoever
/// finds a backup guesses offline, so it costs ten times what signing in does.
const COST: (u32, u32, u32) = (64 * 1024, 3, 4);

/// Limits: what a file may ask this machine to spend.
const MOST_COST: (u32, u32, u32) = (256 * 1024, 10, 16);

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: u32,
    #[serde(flatten)]
    about: About,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<Sealed>,
}

/// How the key is made of the passphrase.
#[derive(Debug, Serialize, Deserialize)]
struct Sealed {
    kdf: String,
    memory: u32,
    rounds: u32,
    lanes: u32,
    salt: String,
    cipher: String,
    nonce: String,
}

const KDF: &str = "argon2id";
const CIPHER: &str = "aes-256-gcm";

/// The file of an image. Takes a moment, and 64 MiB where it is encrypted.
pub(super) fn write(
    about: &About,
    image: &[u8],
    passphrase: Option<&SecretBytes>,
) -> Result<Vec<u8>, BackupError> {
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::default());
    let packed = packed.write_all(image).and_then(|()| packed.finish());
    let mut packed = packed.map_err(|error| io(&error.to_string()))?;
    let (mut salt, mut nonce) = ([0; SALT], [0; NONCE_LEN]);
    let random = fill(&mut salt).and_then(|()| fill(&mut nonce));
    random.map_err(|_| io("the system gives no random bytes"))?;
    let (memory, rounds, lanes) = COST;
    let header = Header {
        format: FORMAT,
        about: about.clone(),
        sealed: passphrase.map(|_| Sealed {
            kdf: KDF.to_owned(),
            memory,
            rounds,
            lanes,
            salt: BASE64.encode(salt),
            cipher: CIPHER.to_owned(),
            nonce: BASE64.encode(nonce),
        }),
    };
    let mut file = MAGIC.to_vec();
    let line = serde_json::to_string(&header).map_err(|error| io(&error.to_string()))?;
    file.extend_from_slice(line.as_bytes());
    file.push(b'\n');
    if let Some(passphrase) = passphrase {
        let key = key(passphrase, COST, &salt)?;
        // The lines before are sealed with it: nobody makes a backup older than it is.
        let sealed = key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(&file),
            &mut packed,
        );
        sealed.map_err(|_| BackupError::TooLong)?;
    }
    file.append(&mut packed);
    let digest = Sha256::digest(&file);
    file.extend_from_slice(&digest);
    match file.len() > MAX_FILE || image.len() as u64 > MAX_IMAGE {
        true => Err(BackupError::TooLong),
        false => Ok(file),
    }
}

/// Whether bytes begin as a file of ours does.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// What a file says of itself.
pub(super) fn about(bytes: &[u8]) -> Result<About, BackupError> {
    Ok(parts(bytes)?.0.about)
}

/// The same of a file of which nothing is checked: for a list, not to be acted on.
pub(super) fn about_unchecked(file: impl Read) -> Result<About, BackupError> {
    let mut head = Vec::new();
    let read = file
        .take((MAGIC.len() + MAX_HEADER) as u64)
        .read_to_end(&mut head);
    read.map_err(|error| io(&error.to_string()))?;
    let line = head.strip_prefix(MAGIC).ok_or(BackupError::NotOne)?;
    let end = memchr::memchr(b'\n', line).ok_or(BackupError::Torn)?;
    let known: Result<Header, _> = serde_json::from_slice(&line[..end]);
    known
        .map(|header| header.about)
        .map_err(|_| newer(&line[..end]))
}

/// What a file says of itself, and its image.
pub(super) fn read(
    bytes: &[u8],
    passphrase: Option<&SecretBytes>,
) -> Result<(About, Vec<u8>), BackupError> {
    let (header, before, body) = parts(bytes)?;
    let opened = match &header.sealed {
        None => None,
        Some(sealed) => {
            let passphrase = passphrase.ok_or(BackupError::PassphraseMissing)?;
            Some(open(sealed, passphrase, before, body)?)
        }
    };
    let packed = opened.as_deref().unwrap_or(body);
    let mut image = Vec::new();
    let mut unpack = DeflateDecoder::new(packed).take(MAX_IMAGE + 1);
    let read = unpack.read_to_end(&mut image);
    read.map_err(|_| BackupError::Torn)?;
    match image.len() as u64 > MAX_IMAGE {
        true => Err(BackupError::TooLong),
        false => Ok((header.about, image)),
    }
}

/// The header, the bytes of both lines, and the rest without the digest.
fn parts(bytes: &[u8]) -> Result<(Header, &[u8], &[u8]), BackupError> {
    let rest = match bytes.strip_prefix(MAGIC) {
        Some(rest) => rest,
        // So little of it is left that it cannot be told from nothing.
        None if !bytes.is_empty() && MAGIC.starts_with(bytes) => return Err(BackupError::Torn),
        None => return Err(BackupError::NotOne),
    };
    if bytes.len() > MAX_FILE {
        return Err(BackupError::TooLong);
    }
    let length = rest.len().checked_sub(DIGEST).ok_or(BackupError::Torn)?;
    let (told, digest) = bytes.split_at(MAGIC.len() + length);
    if Sha256::digest(told).as_slice() != digest {
        return Err(BackupError::Torn);
    }
    let told = &told[MAGIC.len()..];
    let end = memchr::memchr(b'\n', &told[..told.len().min(MAX_HEADER)]);
    let end = end.ok_or(BackupError::Torn)?;
    let (line, body) = (&told[..end], &told[end + 1..]);
    let known: Result<Header, _> = serde_json::from_slice(line);
    let header = match known {
        Ok(header) if header.format == FORMAT => header,
        Ok(header) => return Err(BackupError::Newer(header.about.version)),
        Err(_) => return Err(newer(line)),
    };
    if header.sealed.is_some() != header.about.secrets {
        return Err(BackupError::Torn);
    }
    let before = &bytes[..MAGIC.len() + end + 1];
    Ok((header, before, body))
}

/// Why a header is not understood: its digest is right, so it was written so.
fn newer(line: &[u8]) -> BackupError {
    let value: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
    let format = value["format"].as_u64();
    match format {
        Some(format) if format > u64::from(FORMAT) => {
            let version = value["version"].as_str().unwrap_or("unknown");
            BackupError::Newer(version.chars().take(40).collect())
        }
        _ => BackupError::Torn,
    }
}

fn open(
    sealed: &Sealed,
    passphrase: &SecretBytes,
    before: &[u8],
    body: &[u8],
) -> Result<Vec<u8>, BackupError> {
    let cost = (sealed.memory, sealed.rounds, sealed.lanes);
    let is_bounded =
        cost.0 <= MOST_COST.0 && (1..=MOST_COST.1).contains(&cost.1) && cost.2 <= MOST_COST.2;
    let known = sealed.kdf == KDF && sealed.cipher == CIPHER && is_bounded;
    let bytes = |text: &str| BASE64.decode(text).map_err(|_| BackupError::Torn);
    let nonce: [u8; NONCE_LEN] = bytes(&sealed.nonce)?
        .try_into()
        .map_err(|_| BackupError::Torn)?;
    let salt = bytes(&sealed.salt)?;
    if !known || salt.len() != SALT {
        return Err(BackupError::Torn);
    }
    let key = key(passphrase, cost, &salt)?;
    let mut text = body.to_vec();
    let nonce = Nonce::assume_unique_for_key(nonce);
    let opened = key.open_in_place(nonce, Aad::from(before), &mut text);
    let length = opened.map_err(|_| BackupError::WrongPassphrase)?.len();
    text.truncate(length);
    Ok(text)
}

fn key(
    passphrase: &SecretBytes,
    (memory, rounds, lanes): (u32, u32, u32),
    salt: &[u8],
) -> Result<LessSafeKey, BackupError> {
    let cost = Params::new(memory, rounds, lanes, Some(KEY)).map_err(|_| BackupError::Torn)?;
    let mut made = [0; KEY];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, cost)
        .hash_password_into(passphrase.bytes(), salt, &mut made)
        .map_err(|error| io(&format!("no key can be made of the passphrase: {error}")))?;
    let key = UnboundKey::new(&AES_256_GCM, &made).map_err(|_| io("it is no key"))?;
    Ok(LessSafeKey::new(key))
}

fn io(why: &str) -> BackupError {
    StoreError::Io {
        why: why.to_owned(),
    }
    .into()
}
