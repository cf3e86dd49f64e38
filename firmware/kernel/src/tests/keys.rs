//! RSA keys of the tests' own card scheme. **Test keys, no secrets**: made once with openssl for this file. And a public
//! test key of UnionPay's, with something that it signed.

/// A key pair, hexadecimal.
pub(super) struct Key {
    pub(super) modulus: &'static str,
    pub(super) private: &'static str,
    pub(super) exponent: &'static [u8],
}

/// Authority, 1408 bits.
pub(super) const CA_A: Key = Key {
    modulus: "\
        c0daac3f04f97f2d4ae68d6cd2c0d7de5046b5bb7deca2df21793bc55cfc09063f49856cda869341e5a2a7970cc84780\
        ccecbf28c3068d85b4e7bc33ca6677cc8b94c7640d0e29ab80bd9bf1ffde9a9a38b459748c6d0045a4e259480b545220\
        0bbf5b6d03a4a32ec81ffd8a4d6d5756bce596a54d5860fa6a2dcab02511d116c9c580cabd364256ff31dad695449808\
        c959b994f7dbb6547b4b53e024c132b1220dcb87c4fbc6d0d9e8ce94f177bad5",
    private: "\
        8091c82a0350ff7387445e488c808fe98ad9ce7cfe9dc1ea1650d2839352b0aed4dbae4891af0cd699171a64b3302fab\
        33487f7082045e592345282286eefa885d0dda42b35ec67255d3bd4bffe9bc66d0783ba30848aad7ef8d271a1d55a920\
        8b2da3505a54633e8baf3c23e7d5c1f9ca23ac6897a612f0df4c0634d0f5aa8e91960e873ca99c1058ed8100094583fa\
        bbeec62f6266775edf74df2879122264ab553ad3f934b33c4b40f99e042b9233",
    exponent: &[3],
};

/// Authority, 1984 bits.
pub(super) const CA_B: Key = Key {
    modulus: "\
        a583d6332bd0b953b5031e70093c5731ebe21fa871d2dd4bfe1f31322f23542f47271ee94133728f81c43e81796a83a8\
        63f0dd803d8ed23ff109ee3cc5f7e567fc48a6809f52fe033abbabb92fe0749cf32d4fde6e142fb266ddd1c2d19294fa\
        8e61ff14bf7c95fd907ca4937e9347eabc4018e76f77fdc0577f7e6e949d740648f0ee9761a75d84a7beeed25b80fccb\
        84a5142a78755b4428f29a140ee7895c58b29381d6f720533674def4711dc05bc66ceffcb9bdc1bb667e2fa0c05a4cd2\
        f2e0eb29cb55f112db55880a0aa206c6aab1b426d8fb5b6dc12a688282753809b2972884bbcd6b5cea9e0054d840b167\
        131102057dacda57",
    private: "\
        32f99f86b2ffdd940233abb425a407d6c0272c48dc856cd272b97895541f35563a3bba316c7b43d51eca29d60666df95\
        84f231c5c52faf61320334f452a43e6b002fffd7ad3a0a31446d783dd898f0514633b65d72d994b705275beafc5080c1\
        8a08745f177a6f5760a082af4a5461d9d1908c1afb21a16d13859892472a01c39532b3bf4549eced4286de5b0168169c\
        c33317c7e23780303ab6f372983dafbf0b39fed2aebebb68c59773fd3dd29301d6926c737c00b779b08b09682d778d8e\
        a5fae125c2b19f3842aaae85396e3ed96ae3268a984c1299f74bc8e590768b1177daf095ae3c368b6e9655958d078705\
        4067824c0a5ef481",
    exponent: &[1, 0, 1],
};

/// Issuer, 1152 bits.
pub(super) const ISSUER_A: Key = Key {
    modulus: "\
        9f2b133d8c9424d554324ebde25abd8662c844e2ffb6de7740557f3d6d69bfda3de1dbc9e5803a8c5e7f0d806707f14b\
        083bf0d9920f1df5b05c449a3201f6e02a5e688423de2b87f6fea28afc8a6854769d332a5cfb35662776b5a5483def60\
        d9913567fe041969d193365970e9df3c968158e4bdc1e17115e06dc1c00112c91e4c869dfbb9b26837dbcca2a653179d",
    private: "\
        6a1cb77e5db8188e382189d3ec3c7e5997302decaa79e9a4d58e54d39e467fe6d3ebe7dbee557c5d9454b3aaef5aa0dc\
        b027f5e6615f694e7592d866cc014f401c3ef05817e9725997643c20d77458bccfe497dc8b16f663486087340885c62a\
        b0fe806f858d43734ec80a7661ec7a5990dad87739eb289dc60ff868d9054632b470aa8c9bc11262c206733e280049d3",
    exponent: &[3],
};

/// Issuer, 1408 bits.
pub(super) const ISSUER_B: Key = Key {
    modulus: "\
        d14b2e0ba186c2a5576590d016dc813174ff7637460ec392544ae576ef265218831275b9913715ab2873754e0cdb6557\
        cb4dce427b9f018af53497bf60f12601674565a6467a2e970130df2c205391e497a581944187ae7b7b199858c0656a27\
        af86e2a35ae04eb367d1af93d9291b3f8e8a57fed2e3f3d466f0e06061e4e55aa82bf87e087299d7babba4cd4870684f\
        e6c239d9aa975fc6a81855e26da47637ee6590f943598bfea0cf20c5b3892ecd",
    private: "\
        5d76f86a23493e157e7111f98bac0f59d9c8d7af196f307161894cee0f208adafd75b9f313e188a0b5e0d1caf83ce606\
        0df98219f880eabc7682751df719da02186f4a54b5f68c65cd175922a891097f0f25cf37390871a74dc956bea9e77153\
        e60dbfb9a41536370b910b31aa2f0d264f9098060d1f2d56a839c3f5072ac407a704f455a74a477c36c8f42bebcb3e92\
        84052f27fcea29849c8314e4983cd2f8586a3745b5d74362f3bb44a442270575",
    exponent: &[1, 0, 1],
};

/// Card, 1024 bits.
pub(super) const CARD_A: Key = Key {
    modulus: "\
        ae134886a45df7f38a373d708941cd56a8a5b09a6afd41439171333784037e12ced85a8b4d7f5a5c709eb8bbbfaefe7c\
        408aaa13e4d948070fd62c773d7f0052fd73f9a8f6954250747222eb0d8515b6a87d76623153c269b0c6fea4365250bf\
        a9e79fa3ae175035601a222f96026bcc7cc5afa86b2683d4aafa8bd1c615f9bd",
    private: "\
        740cdb046d93faa25c24d3a05b81338f1b192066f1fe2b8260f6222502acfeb734903c5cde54e6e84b147b27d51f5452\
        d5b1c6b7ede63004b53972fa28ff558b8f282cd5c63b3d5937fed8bab13013c1bd5492678f3b7d70820ad06bbfb37048\
        09d4dd54587be52cdea6298d8b8fab3924f4549ebe17541ada903a9d1059acd3",
    exponent: &[3],
};

/// Card, 1152 bits.
pub(super) const CARD_B: Key = Key {
    modulus: "\
        aa65b3d3f870f1d013ae6bd3502beb25e5d483b86cdb8c4742b95028023b0461900746ba227157805ae856dddeef0d75\
        90548d57148b508da207cf8b38a6ce4712a430abc3e7d84f7dc86726a706cc67752cabbb08596ea4c25ec70bff90abb2\
        8a6a19d0744ec64d5a6325964e1e8e96e528ff881b59b6419b369071a3337c20f8046e3d4c557a4ebac9415f8a97b5fb",
    private: "\
        12e39d50b52cc81199eceef508e1257b19043ae9d9df68a889a40357bc0f90c7c3f09a8d8dbde4c64ccd8ebb9fb7fe54\
        f6fff87f1bbee9da1989261fb7d2fdf0f10714822600708108fd8db3577cadb153d4e86f238207a1092b477f53591d92\
        bc95ac5db16358c05878bbf3a9a1fd8e674f4afb50dabb561f0c2fe2d557e08ef5b63c1d2726dee20ff83e53a2d6bdc9",
    exponent: &[1, 0, 1],
};

/// Public test key of UnionPay's RID under index 57, SM2: X and Y. Programs of terminals list it.
pub(crate) const TEST_AUTHORITY_57: [u8; 64] = [
    0xE8, 0x10, 0x5E, 0x77, 0x86, 0x1F, 0xD2, 0xEB, 0x72, 0x7C, 0x84, 0xE3, 0x6D, 0x3D, 0x4A, 0x56, 0x66, 0xBD, 0x0A,
    0xDC, 0xE8, 0x78, 0x1F, 0x01, 0x45, 0xD3, 0xD8, 0x2D, 0x72, 0xB9, 0x27, 0x48, 0xE2, 0x2D, 0x54, 0x04, 0xC6, 0xC4,
    0x1F, 0x3E, 0xC8, 0xB7, 0x90, 0xDE, 0x2F, 0x61, 0xCF, 0x29, 0xFA, 0xEC, 0xB1, 0x68, 0xC7, 0x9F, 0x5C, 0x86, 0x66,
    0x76, 0x2D, 0x53, 0xCC, 0x26, 0xA4, 0x60,
];

/// An issuer certificate under that key, which a public example of SM2 gives: message, r, s.
pub(super) const TEST_CERTIFICATE_57: [u8; 142] = [
    0x12, 0x62, 0x28, 0x00, 0x01, 0x12, 0x20, 0x00, 0x00, 0x01, 0x04, 0x00, 0x11, 0x40, 0x9F, 0x48, 0x3B, 0xF2, 0xCC,
    0x71, 0xC5, 0x09, 0x37, 0x28, 0x31, 0x80, 0x61, 0xE3, 0xF7, 0x68, 0xEA, 0x7C, 0x17, 0x0F, 0x82, 0xDD, 0x8C, 0x4B,
    0x97, 0x9F, 0xBD, 0x8C, 0x76, 0xA1, 0x29, 0xF9, 0x3F, 0xB5, 0x74, 0x6E, 0x96, 0xF5, 0xE4, 0x9B, 0x98, 0x7F, 0xFB,
    0x52, 0x1E, 0x47, 0x3B, 0x25, 0xE1, 0xB0, 0x17, 0xC3, 0x0B, 0xE3, 0xFC, 0x63, 0x8B, 0xA1, 0x4D, 0x5F, 0xA4, 0xAA,
    0xDC, 0x16, 0xB1, 0xE1, 0xA0, 0x2E, 0xD6, 0x2D, 0x81, 0x12, 0x68, 0xC4, 0xA2, 0x12, 0x3C, 0xD8, 0xB2, 0x66, 0x90,
    0xBC, 0xE1, 0x4B, 0xB7, 0xA0, 0x17, 0x13, 0xC0, 0x1C, 0x2D, 0x2F, 0xF2, 0x89, 0x2D, 0x15, 0x96, 0xA7, 0xD9, 0xD1,
    0x31, 0xC7, 0x38, 0x13, 0xC3, 0xA3, 0xD6, 0xF8, 0x51, 0xDC, 0xDA, 0x91, 0x7E, 0x98, 0x69, 0x23, 0xF9, 0x8D, 0xD2,
    0x44, 0x4A, 0xDC, 0x8E, 0xF0, 0xD0, 0xCE, 0x1E, 0x2A,
];
