// A small test runner: named tests, run in order, one line each.
const tests = [];

export const test = (name, run) => tests.push({ name, run });

export class Skip extends Error {}

// skip leaves a test out, saying why.
export function skip(reason) {
  throw new Skip(reason);
}

// runAll runs the tests; after follows each, however it ended.
export async function runAll(filter, after = async () => {}) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, run } of tests.filter((t) => !filter || t.name.includes(filter))) {
    const start = performance.now();
    try {
      await run();
      count.passed++;
      console.log(`ok      ${name} (${Math.round(performance.now() - start)} ms)`);
    } catch (err) {
      if (err instanceof Skip) {
        count.skipped++;
        console.log(`skipped ${name}: ${err.message}`);
        continue;
      }
      count.failed++;
      console.log(`FAILED  ${name}\n${String(err.stack || err).replace(/^/gm, "        ")}`);
    } finally {
      await after();
    }
  }
  return count;
}

// within asks until something is so, however late, and returns it; after some minutes
// it returns what it is then.
export async function within(ask, is = Boolean, minutes = 3) {
  for (const until = performance.now() + minutes * 60_000; ;) {
    const answer = await ask();
    if (is(answer) || performance.now() > until) return answer;
    await new Promise((done) => setTimeout(done, 50));
  }
}

// random is a small generator with a fixed start, so that a failure can be
// run again (mulberry32).
export function random(seed) {
  return () => {
    seed = seed + 0x6d2b79f5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 4294967296;
  };
}
