// What a file is, told by its first bytes; names and the manifest are not
// trusted for what a browser is asked to render.
const starts = (head, ...bytes) => bytes.every((b, i) => head[i] === b);
const ascii = (head, from, n) => String.fromCharCode(...head.subarray(from, from + n));

export function sniff(head) {
  if (ascii(head, 128, 4) === "DICM") return "dicom";
  if (starts(head, 0xff, 0xd8, 0xff)) return "jpeg";
  if (starts(head, 0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)) return "png";
  if (ascii(head, 0, 5) === "%PDF-") return "pdf";
  if (starts(head, 0x49, 0x49, 0x2a, 0) || starts(head, 0x4d, 0x4d, 0, 0x2a)) return "tiff";
  return "other";
}

// mime is the type given to the browser for each format it may render.
export const mime = {
  jpeg: "image/jpeg", png: "image/png", pdf: "application/pdf", dicom: "application/dicom",
  tiff: "image/tiff", other: "application/octet-stream",
};

const extension = { jpeg: ".jpg", png: ".png", pdf: ".pdf", dicom: ".dcm", tiff: ".tif" };
const reserved = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

// fileName is the name a record is saved under: that of the bundle, with an
// extension where the bundle has none (DICOM file IDs), safe on Windows.
export function fileName(record) {
  const base = record.path.split("/").pop();
  if (/\.[A-Za-z0-9]{1,5}$/.test(base)) return base;
  const words = [record.date?.slice(0, 10), record.title || record.kind, base].filter(Boolean).join(" ");
  const clean = words.replace(/[<>:"/\\|?*\u0000-\u001f\u007f]+/g, " ").replace(/\s+/g, " ").trim().slice(0, 100);
  return (reserved.test(clean) ? `_${clean}` : clean) + (extension[record.format] || "");
}
