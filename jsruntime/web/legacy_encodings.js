// The legacy encodings of the Encoding standard (4.2): names, labels, and ICU's name of the converter that is nearest to the standard's
// index: where bytes are assigned, the same text; some that the standard leaves unassigned ICU gives to the private use area. Lazy: loaded for a label that encoding.js does not know.
//
//   find(label) -> { name, open(fatal) -> { decode(bytes, more) -> string, or undefined where it is not valid } }, or undefined

const table = [
  ['ibm866', 'ibm-866', '866 cp866 csibm866 ibm866'],
  ['iso-8859-2', 'iso-8859-2', 'csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2'],
  ['iso-8859-3', 'iso-8859-3', 'csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3'],
  ['iso-8859-4', 'iso-8859-4', 'csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4'],
  ['iso-8859-5', 'iso-8859-5', 'csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988'],
  ['iso-8859-6', 'iso-8859-6', 'arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso-8859-6-e iso-8859-6-i ' +
    'iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987'],
  ['iso-8859-7', 'iso-8859-7', 'csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597 iso_8859-7 ' +
    'iso_8859-7:1987 sun_eu_greek'],
  ['iso-8859-8', 'iso-8859-8', 'csiso88598e csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-ir-138 iso8859-8 iso88598 iso_8859-8 ' +
    'iso_8859-8:1988 visual'],
  ['iso-8859-8-i', 'iso-8859-8', 'csiso88598i iso-8859-8-i logical'],
  ['iso-8859-10', 'iso-8859-10', 'csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6'],
  ['iso-8859-13', 'iso-8859-13', 'iso-8859-13 iso8859-13 iso885913'],
  ['iso-8859-14', 'iso-8859-14', 'iso-8859-14 iso8859-14 iso885914'],
  ['iso-8859-15', 'iso-8859-15', 'csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9'],
  ['iso-8859-16', '', 'iso-8859-16'],
  ['koi8-r', 'koi8-r', 'cskoi8r koi koi8 koi8-r koi8_r'],
  ['koi8-u', 'koi8-u', 'koi8-ru koi8-u'],
  ['macintosh', 'macintosh', 'csmacintosh mac macintosh x-mac-roman'],
  ['windows-874', 'windows-874', 'dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874'],
  ['windows-1250', 'windows-1250', 'cp1250 windows-1250 x-cp1250'],
  ['windows-1251', 'windows-1251', 'cp1251 windows-1251 x-cp1251'],
  ['windows-1253', 'windows-1253', 'cp1253 windows-1253 x-cp1253'],
  ['windows-1254', 'windows-1254', 'cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 latin5 ' +
    'windows-1254 x-cp1254'],
  ['windows-1255', 'windows-1255', 'cp1255 windows-1255 x-cp1255'],
  ['windows-1256', 'windows-1256', 'cp1256 windows-1256 x-cp1256'],
  ['windows-1257', 'windows-1257', 'cp1257 windows-1257 x-cp1257'],
  ['windows-1258', 'windows-1258', 'cp1258 windows-1258 x-cp1258'],
  ['x-mac-cyrillic', 'x-mac-cyrillic', 'x-mac-cyrillic x-mac-ukrainian'],
  ['gbk', 'gb18030', 'chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk'],
  ['gb18030', 'gb18030', 'gb18030'],
  ['big5', 'big5-hkscs', 'big5 big5-hkscs cn-big5 csbig5 x-x-big5'],
  ['euc-jp', 'euc-jp', 'cseucpkdfmtjapanese euc-jp x-euc-jp'],
  ['iso-2022-jp', 'iso-2022-jp', 'csiso2022jp iso-2022-jp'],
  ['shift_jis', 'windows-31j', 'csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis'],
  ['euc-kr', 'windows-949', 'cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 windows-949'],
  ['x-user-defined', '', 'x-user-defined'],
];
const encodings = new Map();
for (const [name, converter, labels] of table) {
  for (const label of labels.split(' ')) encodings.set(label, { name, converter });
}

// 14.5.1: the upper half is in a private use area.
const userDefined = {
  decode(bytes) {
    let text = '';
    for (const byte of bytes) text += String.fromCharCode(byte < 0x80 ? byte : 0xf700 + byte);
    return text;
  },
};
// ICU does not have it; 0xa0 and above are ISO 8859-16's, all below stands for itself.
const kLatin10 =
  '\xa0\u0104\u0105\u0141\u20ac\u201e\u0160\xa7\u0161\xa9\u0218\xab\u0179\xad\u017a\u017b\xb0\xb1\u010c\u0142\u017d\u201d\xb6\xb7' +
  '\u017e\u010d\u0219\xbb\u0152\u0153\u0178\u017c\xc0\xc1\xc2\u0102\xc4\u0106\xc6\xc7\xc8\xc9\xca\xcb\xcc\xcd\xce\xcf' +
  '\u0110\u0143\xd2\xd3\xd4\u0150\xd6\u015a\u0170\xd9\xda\xdb\xdc\u0118\u021a\xdf\xe0\xe1\xe2\u0103\xe4\u0107\xe6\xe7' +
  '\xe8\xe9\xea\xeb\xec\xed\xee\xef\u0111\u0144\xf2\xf3\xf4\u0151\xf6\u015b\u0171\xf9\xfa\xfb\xfc\u0119\u021b\xff';
const latin10 = {
  decode(bytes) {
    let text = '';
    for (const byte of bytes) text += byte < 0xa0 ? String.fromCharCode(byte) : kLatin10[byte - 0xa0];
    return text;
  },
};
// ICU gives bytes that these leave unassigned to the private use area, or to a letter, and does not know one that is assigned.
const single = {
  'windows-874': {},
  'windows-1253': { 0xaa: '\ufffd' },
  'windows-1255': { 0xca: '\u05ba' },
};
const kPrivate = /[\ue000-\uf8ff]/g;
const tables = new Map();  // name -> what the upper half stands for

function singleByte(name, converter, fatal) {
  let table = tables.get(name);
  if (table === undefined) {
    const upper = Uint8Array.from({ length: 128 }, (_, i) => 0x80 + i);
    const known = native.legacyDecode(native.legacyOpen(converter, false), upper, false).replace(kPrivate, '\ufffd');
    table = Array.from(upper, (byte) => single[name][byte] ?? known[byte - 0x80]);
    tables.set(name, table);
  }
  return {
    decode(bytes) {
      let text = '';
      for (const byte of bytes) text += byte < 0x80 ? String.fromCharCode(byte) : table[byte - 0x80];
      return fatal && text.includes('\ufffd') ? undefined : text;
    },
  };
}

const own = { 'x-user-defined': userDefined, 'iso-8859-16': latin10 };

return {
  find(label) {
    const found = encodings.get(label);
    return found && {
      name: found.name,
      open(fatal) {
        if (found.converter === '') return own[found.name];
        if (Object.hasOwn(single, found.name)) return singleByte(found.name, found.converter, fatal);
        const decoder = native.legacyOpen(found.converter, fatal);
        return { decode: (bytes, more) => native.legacyDecode(decoder, bytes, more) };
      },
    };
  },
};
