use super::*;
use proptest::prelude::*;

fn decode(bytes: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    Decoder::default().push(bytes, &mut |event| events.push(event));
    events
}

fn data(tfi: u8, data: &[u8]) -> Event {
    Event::Frame(Frame::Data { tfi, data: data.to_vec() })
}

#[test]
fn frames_that_public_drivers_send() {
    // GetFirmwareVersion and its reply, as libnfc and nfcpy exchange them.
    assert_eq!(encode(&[0x02]).unwrap(), [0x00, 0x00, 0xFF, 0x02, 0xFE, 0xD4, 0x02, 0x2A, 0x00]);
    let reply = [0x00, 0x00, 0xFF, 0x06, 0xFA, 0xD5, 0x03, 0x32, 0x01, 0x06, 0x07, 0xE8, 0x00];
    assert_eq!(decode(&reply), [data(FROM_CHIP, &[0x03, 0x32, 0x01, 0x06, 0x07])]);
    assert_eq!(encode(&[0x14, 0x01, 0x00, 0x00]).unwrap()[3..], [0x05, 0xFB, 0xD4, 0x14, 0x01, 0x00, 0x00, 0x17, 0x00]);
    assert_eq!(decode(&ACK), [Event::Frame(Frame::Ack)]);
    assert_eq!(decode(&NACK), [Event::Frame(Frame::Nack)]);
    assert_eq!(decode(&[0x00, 0x00, 0xFF, 0x01, 0xFF, 0x7F, 0x81, 0x00]), [Event::Frame(Frame::Error)]);
}

#[test]
fn the_longest_frames_of_both_forms() {
    let normal = encode(&[7; 254]).unwrap();
    assert_eq!(normal[..6], [0x00, 0x00, 0xFF, 0xFF, 0x01, TO_CHIP]);
    let extended = encode(&[7; 255]).unwrap();
    assert_eq!(extended[..9], [0x00, 0x00, 0xFF, 0xFF, 0xFF, 0x01, 0x00, 0xFF, TO_CHIP]);
    assert!(encode(&[0; MAX_DATA]).is_ok());
    assert_eq!(encode(&[0; MAX_DATA + 1]), Err(TooLong(265)));
}

#[test]
fn a_frame_that_is_too_long_is_none() {
    // 266 bytes, one more than a frame carries, with a right check sum of the length.
    let mut bytes = vec![0x00, 0xFF, 0xFF, 0xFF, 0x01, 0x0A, 0xF5];
    bytes.extend([0; 300]);
    bytes.extend(ACK);
    assert_eq!(decode(&bytes), [Event::Frame(Frame::Ack)]);
}

#[test]
fn damage_is_told_once_and_what_is_no_frame_is_kept_as_noise() {
    let mut damaged = encode(&[0x02]).unwrap();
    damaged[6] ^= 0x40;
    assert_eq!(decode(&damaged), [Event::Damaged]);
    // A wrong length starts no frame.
    damaged[3] ^= 1;
    assert_eq!(decode(&damaged), []);
    let mut decoder = Decoder::default();
    decoder.push(b"$GPGGA\r\n", &mut |event| panic!("{event:?}"));
    assert_eq!(decoder.take_noise(), b"$GPGGA\r\n");
    assert!(decoder.take_noise().is_empty() && !decoder.is_within());
    decoder.push(&[0x00, 0x00, 0xFF, 0x02], &mut |event| panic!("{event:?}"));
    assert!(decoder.is_within() && decoder.take_noise().is_empty());
}

#[test]
fn a_frame_inside_a_false_start_is_found() {
    // The start of a frame of 32 bytes, cut off, and a whole frame behind it.
    let mut bytes = vec![0x00, 0xFF, 0x20, 0xE0, FROM_CHIP, 0x03];
    bytes.extend(pack(FROM_CHIP, &[0x15]).unwrap());
    bytes.extend(pack(FROM_CHIP, &[0x8F, 0x00]).unwrap());
    bytes.extend([1; 33]);
    let frames: Vec<_> = decode(&bytes).into_iter().filter(|event| *event != Event::Damaged).collect();
    assert_eq!(frames, [data(FROM_CHIP, &[0x15]), data(FROM_CHIP, &[0x8F, 0x00])]);
}

#[test]
fn a_frame_that_has_lost_a_zero_is_none() {
    let whole = pack(FROM_CHIP, &[0x8F, 0x00]).unwrap();
    let torn = [&whole[..7], &whole[8..]].concat();
    let mut decoder = Decoder::default();
    let mut events = Vec::new();
    decoder.push(&torn, &mut |event| events.push(event));
    assert!(events.is_empty() && decoder.is_within());
    // The rest does not come, and the whole frame comes again.
    decoder.give_up(&mut |event| events.push(event));
    decoder.push(&whole, &mut |event| events.push(event));
    assert_eq!(events, [data(FROM_CHIP, &[0x8F, 0x00])]);
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..=MAX_DATA),
        // Much of what frames consist of.
        prop::collection::vec(prop_oneof![Just(0x00), Just(0xFF), any::<u8>()], 0..=MAX_DATA)
    ]
}

proptest! {
    #[test]
    fn what_is_packed_comes_back(tfi in prop_oneof![Just(FROM_CHIP), Just(TO_CHIP)], bytes in payload()) {
        prop_assert_eq!(decode(&pack(tfi, &bytes).unwrap()), [data(tfi, &bytes)]);
    }

    #[test]
    fn a_stream_is_read_the_same_in_any_pieces(bytes in payload(), piece in 1usize..20) {
        let stream: Vec<u8> = [&ACK[..], &pack(FROM_CHIP, &bytes).unwrap(), &NACK].concat();
        let mut decoder = Decoder::default();
        let mut events = Vec::new();
        stream.chunks(piece).for_each(|chunk| decoder.push(chunk, &mut |event| events.push(event)));
        prop_assert_eq!(events, decode(&stream));
    }

    /// Garbage can look like the start of a frame of up to 265 bytes. What follows that is read in any case.
    #[test]
    fn garbage_hides_no_frame_for_ever(garbage in payload(), bytes in payload()) {
        let frame = pack(FROM_CHIP, &bytes).unwrap();
        let stream = [&garbage[..], &frame, &[1; 280]].concat();
        prop_assert!(decode(&stream).contains(&data(FROM_CHIP, &bytes)));
    }

    #[test]
    fn garbage_without_a_start_hides_nothing(garbage in prop::collection::vec(1u8..=0xFE, 0..300), bytes in payload()) {
        let stream = [&garbage[..], &pack(FROM_CHIP, &bytes).unwrap()].concat();
        prop_assert_eq!(decode(&stream), [data(FROM_CHIP, &bytes)]);
    }

    /// One wrong bit in the data or its check sum never passes.
    #[test]
    fn one_wrong_bit_is_seen(bytes in payload(), bit: prop::sample::Index) {
        let mut frame = pack(FROM_CHIP, &bytes).unwrap();
        let header = if bytes.len() < 255 { 5 } else { 8 };
        let body = &mut frame[header..header + bytes.len() + 2];
        let bit = bit.index(body.len() * 8);
        body[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!decode(&frame).contains(&data(FROM_CHIP, &bytes)));
        prop_assert!(decode(&frame).contains(&Event::Damaged));
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        decode(&bytes);
    }
}
