// URL.createObjectURL and URL.revokeObjectURL (File API 8.4). The store is the isolate's: what one makes no other can fetch, and it ends with
// it. A function has no origin, so its URLs are of the opaque one, "null".
//
//   internal.blobOfUrl(href)   the Blob that a URL stands for; undefined where it stands for none

const kUrlsMax = 100000;  // what stays is a mistake of the function's: each keeps its Blob alive

const blobs = new Map();  // href -> Blob

const statics = {
  createObjectURL(blob) {
    internal.required(arguments.length, 1, 'URL.createObjectURL');
    if (!internal.isBlob(blob)) throw new TypeError('URL.createObjectURL: the argument is not a Blob.');
    if (blobs.size >= kUrlsMax) {
      throw internal.domException(`URL.createObjectURL: there are ${kUrlsMax} URLs already: call URL.revokeObjectURL() when one has been used`, 'QuotaExceededError');
    }
    const href = `blob:null/${native.randomUuid()}`;
    blobs.set(href, blob);
    return href;
  },
  revokeObjectURL(url) {
    internal.required(arguments.length, 1, 'URL.revokeObjectURL');
    blobs.delete(withoutFragment(`${url}`));
  },
};
for (const name of Object.keys(statics)) {
  Object.defineProperty(internal.URL, name, { value: statics[name], writable: true, enumerable: true, configurable: true });
}

const withoutFragment = (href) => {
  const hash = href.indexOf('#');
  return hash < 0 ? href : href.slice(0, hash);
};

internal.blobOfUrl = (href) => blobs.get(withoutFragment(href));
