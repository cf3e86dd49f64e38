//! The standard debit/credit flow.

use crate::reader::{NEW, NUMBER, ReadCard, card, gpo, send, tags, tap, verify};
use taprig_card::Card;

/// TTQ of a bus validator to an old card: the standard flow, qUICS, ODA for online authorisation.
const OLD: [u8; 4] = [0x61, 0, 0, 0x80];
const AID: [u8; 8] = [0xA0, 0, 0, 3, 0x33, 1, 1, 2];

/// Reads the card up to its records.
fn begun(card: &mut Card) -> ReadCard {
    card.reset();
    let mut read = ReadCard { aid: AID.to_vec(), ..ReadCard::default() };
    tags(&send(card, &crate::reader::select(&AID)).unwrap(), &mut read.tags);
    let (command, input) = gpo(&read.tags[&0x9F38], OLD);
    read.input = input;
    let options = send(card, &command).unwrap();
    tags(&options, &mut read.tags);
    assert_eq!(options.len(), 2 + 4 + 2 + 8, "82 and 94, and nothing else");
    for (sfi, number) in [(1, 1), (2, 1), (2, 2)] {
        let record = send(card, &[0x00, 0xB2, number, sfi << 3 | 0x04, 0]).unwrap();
        tags(&record, &mut read.tags);
        if sfi == 1 {
            read.static_data.extend(&record[2..]);
        }
    }
    read.static_data.extend(&read.tags[&0x82]);
    read
}

fn sign(card: &mut Card, data: &[u8]) -> Result<Vec<u8>, u16> {
    send(card, &[&[0x00, 0x88, 0, 0, data.len() as u8][..], data, &[0]].concat())
}

fn generate(card: &mut Card, kind: u8) -> Result<Vec<u8>, u16> {
    let mut data = vec![0, 0, 0, 0, 1, 0];
    data.resize(25, 0);
    data.extend(NUMBER);
    send(card, &[&[0x80, 0xAE, kind, 0, 29][..], &data, &[0]].concat())
}

#[test]
fn the_card_signs_and_gives_what_it_is_asked_for_or_less() {
    let mut card = card("unionpay-credit-standard", &[]);
    let mut read = begun(&mut card);
    tags(&sign(&mut card, &NUMBER).unwrap(), &mut read.tags);
    verify(&read).unwrap();
    tags(&generate(&mut card, 0x80).unwrap(), &mut read.tags);
    assert_eq!((read.tags[&0x9F27].as_slice(), read.tags[&0x9F36].as_slice()), (&[0x80][..], &[0, 23][..]));
    assert_eq!(read.tags[&0x9F10][4] & 0x30, 0x20);
    assert_eq!(generate(&mut card, 0x80), Err(0x6985), "one cryptogram a transaction");
    for (wanted, given) in [(0x00, 0x00), (0x40, 0x80)] {
        let mut read = begun(&mut card);
        tags(&generate(&mut card, wanted).unwrap(), &mut read.tags);
        assert_eq!(read.tags[&0x9F27], [given]);
    }
}

#[test]
fn commands_out_of_place_have_their_status_word() {
    let mut old = card("unionpay-credit-standard", &[]);
    assert_eq!(sign(&mut old, &NUMBER), Err(0x6985));
    begun(&mut old);
    assert_eq!(sign(&mut old, &NUMBER[..3]), Err(0x6700));
    assert_eq!(send(&mut old, &[0x80, 0xAE, 0xC0, 0, 1, 0, 0]), Err(0x6A86));
    assert_eq!(send(&mut old, &[0x80, 0xAE, 0x80, 0, 1, 0, 0]), Err(0x6700));
    // A reader that does not announce the flow does not get it.
    assert!(tap(&mut old, NEW).unwrap().tags.contains_key(&0x9F4B));
    assert_eq!(sign(&mut old, &NUMBER), Err(0x6985));
    let mut other = card("unionpay-credit-rsa1024", &[]);
    assert!(tap(&mut other, OLD).unwrap().tags.contains_key(&0x9F4B));
    assert_eq!(sign(&mut other, &NUMBER), Err(0x6D00));
}
