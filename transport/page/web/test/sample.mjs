// A release's records, as a practice would send them.
import { bitewing, jaw, pdf, png, slices } from "./phantom.mjs";

export { jaw };

export function records({ jpeg, size = 96, count = 64 } = {}) {
  const list = [
    { path: "data/CHARTS/2025-05-03_chart_001_progress-notes.pdf", kind: "chart", title: "Chart", date: "2025-05-03", format: "PDF", data: pdf(["Lakeside Dental", "Progress notes 2025", "Tooth 19: root canal indicated"]), removed: [{ item: "JavaScript", rule: "pdf.js", reason: "scripts", count: 1 }] },
    { path: "data/PLANS/2025-05-04_treatment_plan_002.pdf", kind: "treatment_plan", title: "Treatment plan", date: "2025-05-04", format: "PDF", data: pdf(["Treatment plan"]), notices: ["Many share this."] },
    { path: "data/DICOM/S0000001/I0000001", kind: "radiograph", title: "Intraoral radiograph", date: "2025-03-12", format: "DICOM", data: bitewing(), notices: ["Many share this. (DICOM: SeriesDescription)"], removed: [{ item: "(0010,1040)", rule: "x", reason: "x", count: 1 }, { item: "(0010,2154)", rule: "x", reason: "x", count: 1 }] },
    { path: "data/PHOTOS/2024-11-20_photo_004_smile.png", kind: "photo", title: "Photograph", date: "2024-11-20", format: "PNG", data: png(), notices: ["Many share this."] },
    { path: "data/SCANS/2025-01-15_scan_005_upper-jaw.stl", kind: "scan", title: "Scan", date: "2025-01-15", format: "STL", data: Buffer.alloc(84 + 50 * 40) },
    { path: "data/BILLING/undated_billing_006.tif", kind: "billing", title: "Billing record", format: "TIFF", data: Buffer.concat([Buffer.from([0x49, 0x49, 0x2a, 0]), Buffer.alloc(900)]), notices: ["The file has no date of its own."] },
  ];
  if (jpeg) list.push({ path: "data/IMAGES/2025-03-12_radiograph_007_pano.jpg", kind: "radiograph", title: "Panoramic radiograph", date: "2025-03-12", format: "JPEG", data: jpeg });
  slices({ size, count }).forEach((data, i) => list.push({
    path: `data/DICOM/S0000002/I${String(i + 1).padStart(7, "0")}`, kind: "cbct", title: "CBCT volume: Volume 0.7421875 mm", notices: [`Notes were kept. (DICOM: Element${i})`], date: "2025-03-12", format: "DICOM", data,
  }));
  return list;
}
