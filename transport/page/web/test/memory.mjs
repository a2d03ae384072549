// The memory of the browser's processes, from /proc (proc(5)).
import { readdirSync, readFileSync } from "node:fs";

const field = (text, name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] || 0) * 1024;

function read(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return ""; // it has ended
  }
}

// processes lists the descendants of a process.
function descendants(root) {
  const children = new Map();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const parent = Number(/\) \S (\d+)/.exec(read(pid, "stat"))?.[1]);
    children.set(parent, [...(children.get(parent) || []), Number(pid)]);
  }
  const found = [];
  for (const list = [root]; list.length;) {
    const next = children.get(list.pop()) || [];
    found.push(...next);
    list.push(...next);
  }
  return found;
}

// sample is the memory in bytes of the browser this process started: the
// proportional share of all its processes, and what the biggest renderer holds
// of its own.
export function sample() {
  let [all, renderer] = [0, 0];
  for (const pid of descendants(process.pid)) {
    const command = read(pid, "cmdline");
    if (!/chrom|firefox/i.test(command)) continue;
    all += field(read(pid, "smaps_rollup"), "Pss");
    if (/--type=renderer/.test(command)) renderer = Math.max(renderer, field(read(pid, "status"), "RssAnon"));
  }
  return { all, renderer };
}

// watch notes the peaks until it is stopped.
export function watch(every = 150) {
  const peak = sample();
  const timer = setInterval(() => {
    const now = sample();
    for (const key of Object.keys(peak)) peak[key] = Math.max(peak[key], now[key]);
  }, every);
  return () => {
    clearInterval(timer);
    return peak;
  };
}
