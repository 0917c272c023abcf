// Predicts without any dependency, in Node and in browsers.
//
// import { predict } from "./model.mjs";
// predict({ "column": "cell", ... })             one row: cells as they stand in a CSV, or numbers; null or ""
//                                                where there is no value
// node model.mjs < rows.csv > predictions.csv    a CSV like the one the model was trained on

const MODEL = {}; // what was trained

const FLOAT32_MAX = 3.4028234663852886e38;
const LONGEST = 330; // characters of a number or a time
const DAY = 86400; // seconds
const PIVOT = 69; // two-digit years from here on are of the 1900s

// --- cells ------------------------------------------------------------------------------------------------

// White space as Python knows it; JavaScript's own lacks some of it and has a byte-order mark.
const SPACE = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const EDGES = new RegExp(`^${SPACE}+|${SPACE}+$`, "g");
const strip = (text) => text.replace(EDGES, "");

const NUMBER_CELL = new RegExp(
  "^(?<head>[^0]{0,12}?)(?<body>0+(?:[,.' _·٫٬]0+)*[.,·٫]?|[.,·٫]0+)(?<exponent>[eE][+-]?0+)?(?<tail>[^0]{0,14})$",
  "du",
);
const INFINITE = /^([+-]?)inf(?:inity)?$/i;

const isMissing = (value) => value === null || (typeof value === "string" && MODEL.missing.has(strip(value)));

function unread(cell, value) {
  return new RangeError(`column ${cell.name}: expected a ${cell.kind}, found '${String(value).slice(0, 60)}'`);
}

/** A cell -> a number (NaN: no value), or a text (null: no value). RangeError for what is not written so. */
function read(cell, value) {
  const isText = cell.kind === "text";
  if (isMissing(value)) return isText ? null : NaN;
  if (typeof value !== "string" && typeof value !== "number") {
    throw new TypeError(`column ${cell.name}: expected a text, a number or null`);
  }
  if (isText) return String(value);
  const number = typeof value === "number" ? value : READERS[cell.kind](cell, value);
  if (number === null || Math.abs(number) === Infinity) {
    if (number !== null && MODEL.inf === "missing") return NaN;
    throw unread(cell, value);
  }
  return number;
}

/** Marks of other widths as the usual ones; same length. */
const fold = (text) => Array.from(text, (one) => MODEL.folded.get(one) ?? one).join("");

/** The text with 0 for every digit, and marks folded; "" where it is too long for a number or a time. */
function shapeOf(text) {
  if (text.length > LONGEST && Array.from(text).length > LONGEST) return "";
  return fold(text).replace(/[1-9]/g, "0");
}

function readNumber(cell, value) {
  let text = strip(value);
  const end = Array.from(text).slice(-2).join("");
  if (MODEL.powers.has(end)) text = text.slice(0, text.length - end.length) + MODEL.powers.get(end);
  const shape = shapeOf(text);
  const found = NUMBER_CELL.exec(shape);
  const parts = found && anatomy(cell, found);
  if (!parts) {
    const infinite = INFINITE.exec(text);
    return infinite ? (infinite[1] === "-" ? -Infinity : Infinity) : null;
  }
  const stop = found.indices.groups.body[1];
  const last = found.groups.exponent ? found.indices.groups.exponent[1] : stop;
  if (!fits(cell, shape.slice(parts.start, stop), last > stop, text[parts.start] === "0")) return null;
  let digits = fold(text.slice(parts.start, last));
  if (cell.thousands) digits = digits.split(cell.thousands).join("");
  const number = Number(digits.replace(cell.decimal, "."));
  return parts.isNegative ? -number : number;
}

/** Where the digits begin, and whether the number is negative; null where it is not written like the column. */
function anatomy(cell, found) {
  const { currencies } = MODEL;
  let head = found.groups.head.replaceAll(" ", "");
  let tail = strip(found.groups.tail);
  let start = found.indices.groups.body[0];
  const body = found.groups.body;
  if (body[0] === "." && currencies.has(head + ".")) [head, start] = [head + ".", start + 1];
  const inBrackets = head.includes("(") && tail.includes(")");
  if (inBrackets) [head, tail] = [head.replace("(", ""), strip(tail.replace(")", ""))];
  if (/[,.]$/.test(body)) tail = strip(tail.replace(/^[-−]+/, ""));
  let signs = "";
  if (/^[-−+]/.test(head)) [head, signs] = [head.slice(1), head[0]];
  if (/[-−+]$/.test(head)) [head, signs] = [head.slice(0, -1), signs + head.at(-1)];
  let trailing = "";
  if (/[-−]$/.test(tail)) [tail, trailing] = [strip(tail.slice(0, -1)), tail.at(-1)];
  else if (/^[-−]/.test(tail) && currencies.has(strip(tail.slice(1)))) [tail, trailing] = [strip(tail.slice(1)), tail[0]];
  if (signs.length + trailing.length + inBrackets > 1) return null;
  const how = inBrackets ? "accounting" : trailing ? "trailing" : signs === "−" ? "typographic" : "";
  if ((how && !cell.negatives.includes(how)) || !standsAround(cell, head, tail)) return null;
  return { start, isNegative: how !== "" || signs === "-" };
}

/** Whether a number has the unit of its column, and the currency or none. */
function standsAround(cell, head, tail) {
  const { currencies } = MODEL;
  if (head === "%") [head, tail] = ["", tail || "%"];
  if (head && !currencies.has(head)) return false;
  const [currency, unit] = currencies.has(tail) ? [tail, ""] : [head, tail];
  if (currency && currencies.get(currency) !== currencies.get(cell.currency)) return false;
  return cell.unit.length ? cell.unit.includes(unit) : !unit;
}

/** Whether digits and marks of this shape are a number of the column. */
function fits(cell, body, hasExponent, hasLeadingZero) {
  const [d, t] = [cell.decimal, cell.thousands ?? ""].map((mark) => mark.replace(".", "\\."));
  if (new RegExp(`^(?:0+(?:${d}0*)?|${d}0+)$`).test(body)) return true;
  if (hasExponent || hasLeadingZero || !t) return false;
  const groups = cell.lakh ? `0{1,2}(?:${t}00)*${t}000` : `0{1,3}(?:${t}000)+`;
  return new RegExp(`^${groups}(?:${d}0*)?$`).test(body);
}

/** Seconds: of a date since 1970 in UTC, of a time of day since midnight, of a duration its length. */
function readTime(cell, value) {
  const text = strip(value);
  const shape = shapeOf(text);
  // Letters that Python takes for these where case does not count; JavaScript does not.
  const plain = shape.replace(/[İı]/g, "i").replace(/ſ/g, "s").replace(/\u212a/g, "k");
  let seconds = null;
  for (const patterns of cell.layouts) {
    const found = patterns.reduce((before, pattern) => before ?? pattern.exec(plain), null);
    if (found) seconds = SECONDS[cell.kind](new Fields(text, shape, found.indices.groups)) ?? seconds;
  }
  return seconds;
}

/** The numbers of a text, by the names of a pattern's groups. */
class Fields {
  constructor(text, shape, spans) {
    Object.assign(this, { text, shape, spans });
  }

  has(name) {
    return this.spans[name] !== undefined;
  }

  length(name) {
    return this.spans[name][1] - this.spans[name][0];
  }

  word(...names) {
    return names.map((name) => (this.has(name) ? this.shape.slice(...this.spans[name]).toLowerCase() : "")).join("");
  }

  /** That of the first of these groups that is there, else 0. */
  number(...names) {
    const name = names.find((one) => this.has(one));
    return name === undefined ? 0 : Number(this.text.slice(...this.spans[name]));
  }

  get fraction() {
    return this.has("f") ? this.number("f") / 10 ** this.length("f") : 0;
  }
}

function dateSeconds(fields) {
  let [year, month] = [fields.number("y"), fields.number("m")];
  if (fields.length("y") === 2) year += year >= PIVOT ? 1900 : 2000;
  if (fields.has("name")) month += MODEL.months.get(fields.word("name")) ?? NaN;
  const day = fields.has("d") ? fields.number("d") : 1;
  const [clock, zone] = [clockSeconds(fields), zoneSeconds(fields)];
  if (!(year >= 1 && month >= 1 && month <= 12 && day >= 1) || clock === null || zone === null) return null;
  const days = daysBefore(year, month) + day - 1;
  return dateOf(days).month === month ? days * DAY + clock - zone : null;
}

function clockSeconds(fields) {
  let [hour, minute, second] = [fields.number("H", "H3"), fields.number("M", "M2"), fields.number("S", "S2")];
  const half = fields.word("half", "half2").replaceAll(".", "");
  const [last, afterNoon] = half ? MODEL.halves.get(half) ?? [-1, 0] : [23, 0];
  if (hour >= 24 || minute >= 60 || second >= 60 || hour > last) return null;
  if (half && hour <= 12) hour = (hour % 12) + afterNoon;
  return hour * 3600 + minute * 60 + second + fields.fraction;
}

function zoneSeconds(fields) {
  if (!fields.has("zone")) return 0;
  if (!fields.has("zh")) return (MODEL.zones.get(fields.word("zone").toUpperCase()) ?? NaN) * 3600;
  const [hour, minute] = [fields.number("zh"), fields.number("zm")];
  const sign = fields.word("zone")[0] === "-" ? -1 : 1;
  return hour < 24 && minute < 60 ? sign * (hour * 3600 + minute * 60) : null;
}

function durationSeconds(fields) {
  const [hour, minute, second] = [fields.number("H"), fields.number("M"), fields.number("S")];
  if (fields.shape.includes(":") && (second >= 60 || (minute >= 60 && fields.has("H")))) return null;
  const days = fields.number("W") * 7 + fields.number("D");
  const sign = fields.word("sign") === "-" ? -1 : 1;
  return sign * (days * DAY + hour * 3600 + minute * 60 + second + fields.fraction);
}

const { floor } = Math;

/** Days from 1970-01-01 to the first of a month, in the Gregorian calendar. */
function daysBefore(year, month) {
  const years = year - (month <= 2);
  const ofYear = floor((153 * ((month + 9) % 12) + 2) / 5);
  return years * 365 + floor(years / 4) - floor(years / 100) + floor(years / 400) + ofYear - 719468;
}

/** Days since 1970-01-01 -> year, month, day. */
function dateOf(days) {
  const era = floor((days + 719468) / 146097);
  const ofEra = days + 719468 - era * 146097;
  const yearOfEra = floor((ofEra - floor(ofEra / 1460) + floor(ofEra / 36524) - floor(ofEra / 146096)) / 365);
  const ofYear = ofEra - (365 * yearOfEra + floor(yearOfEra / 4) - floor(yearOfEra / 100));
  const shifted = floor((5 * ofYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  return { year: yearOfEra + era * 400 + (month <= 2), month, day: ofYear - floor((153 * shifted + 2) / 5) + 1 };
}

const SECONDS = { date: dateSeconds, "time of day": clockSeconds, duration: durationSeconds };
const READERS = { number: readNumber, date: readTime, "time of day": readTime, duration: readTime };

/** A part of a date, in UTC to the microsecond. */
function partOf(name, seconds) {
  if (Number.isNaN(seconds)) return seconds;
  if (name === "elapsed days") return seconds / DAY;
  // Whole days apart, so that microseconds are counted exactly, and rounded as Python does, to even.
  const micro = halfEven(seconds * 1e6);
  const days = floor(micro / (DAY * 1e6));
  const rest = micro - days * DAY * 1e6;
  const { year, month, day } = dateOf(days);
  if (name === "year") return year;
  const turns = {
    month: (month - 1) / 12,
    day: (day - 1) / 31,
    weekday: ((((days + 3) % 7) + 7) % 7) / 7,
    hour: floor(rest / 6e7) / (24 * 60),
  };
  const [unit, wave] = name.split(" on a circle, ");
  return (wave === "sine" ? Math.sin : Math.cos)(2 * Math.PI * turns[unit]);
}

function halfEven(value) {
  const near = floor(value);
  const above = value - near;
  return above > 0.5 || (above === 0.5 && near % 2 !== 0) ? near + 1 : near;
}

// --- inputs -----------------------------------------------------------------------------------------------

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const bent = (z, clip) => (clip ? z / Math.sqrt(1 + (z / clip) ** 2) : z);

/** The inputs of the networks. Throws for a column that is missing or a cell that is not written like it. */
function inputsOf(row) {
  for (const { name } of MODEL.cells) {
    if (!Object.hasOwn(row, name) || row[name] === undefined) throw new RangeError(`no column '${name}'`);
  }
  const values = MODEL.cells.map((cell) => read(cell, row[cell.name]));
  const x = new Float64Array(MODEL.n_inputs);
  for (const number of MODEL.numbers) {
    const value = values[number.cell];
    fillNumber(number, number.part === null ? value : partOf(number.part, value), x);
  }
  const met = MODEL.categories.map((category) => {
    const code = category.codes.get(values[category.cell]) ?? category.other;
    const on = category.on[code];
    x.set(category.off, category.start);
    if (on) x[category.start + on[0]] = on[1];
    return category.met[code];
  });
  for (const level of MODEL.levels) x[level.place] = level.codes.get(values[level.cell]) ?? 0;
  for (const words of MODEL.words) fillWords(words, values[words.cell] ?? "", x);
  for (const [place, first, second, pair, value] of MODEL.pairs) {
    if (met[first] === pair[0] && met[second] === pair[1]) x[place] = value;
  }
  return x;
}

function fillNumber(rule, given, x) {
  const isAbsent = Number.isNaN(given);
  const value = clamp(isAbsent ? rule.median : given, -1e300, 1e300);
  const z = clamp((value - rule.center) * rule.factor, -1e6, 1e6);
  x[rule.plain] = bent(Math.abs(z) < 1e-30 ? 0 : z, rule.clip);
  if (rule.indicator.length) x[rule.plain + 1] = rule.indicator[Number(isAbsent)];
  const { edges, shrink } = rule;
  const inside = edges.length ? clamp(value, edges[0], edges.at(-1)) : 0;
  for (let i = 0; i + 1 < edges.length; i += 1) {
    const share = clamp((inside - edges[i]) / (edges[i + 1] - edges[i]), 0, 1);
    x[rule.ple + i] = 2 * shrink * (share - 0.5);
  }
  rule.cuts.forEach((cut, i) => {
    x[rule.cuts_from + i] = value > cut ? 0.25 : -0.25;
  });
}

/** log(1 + occurrences) of hashed words and pairs of neighbouring words. */
function fillWords(rule, text, x) {
  const hashes = wordsOf(text).map(crc32);
  const found = hashes.map((hash, i) => [hash, i && Math.imul(hashes[i - 1], 0x9e3779b1) + Math.imul(hash, 0x85ebca6b)]);
  const counts = new Map();
  found.forEach(([one, pair], i) => {
    for (const hash of i ? [one, pair] : [one]) {
      const slot = Math.imul(hash, 0xc2b2ae3d) >>> 16;
      counts.set(slot, (counts.get(slot) ?? 0) + 1);
    }
  });
  rule.slots.forEach((slot, i) => {
    const z = (Math.log1p(counts.get(slot) ?? 0) - rule.center[i]) * rule.factor[i];
    x[rule.start + i] = bent(z, rule.clip);
  });
}

/** The words of a text as Python has them: `\w+` of the text with its case folded. */
function wordsOf(text) {
  const words = [];
  let word = "";
  for (const character of text) {
    for (const folded of MODEL.cases.get(character) ?? character) {
      if (isOfWord(folded.codePointAt(0))) {
        word += folded;
      } else if (word) {
        words.push(word);
        word = "";
      }
    }
  }
  return word ? [...words, word] : words;
}

/** Whether a character stands in one of the ranges, by halving them. */
function isOfWord(code) {
  const ends = MODEL.of_words; // ascending: first of a range, first behind it, ...
  let [low, high] = [0, ends.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[middle] <= code) low = middle + 1;
    else high = middle;
  }
  return low % 2 === 1;
}

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

function crc32(word) {
  let rest = -1;
  for (const byte of new TextEncoder().encode(word)) rest = CRC[(rest ^ byte) & 255] ^ (rest >>> 8);
  return (rest ^ -1) >>> 0;
}

// --- networks ---------------------------------------------------------------------------------------------

const sigmoid = (z) => 0.5 * (1 + Math.tanh(0.5 * z));

function mish(z) {
  const w = 1 + Math.exp(Math.min(z, 20));
  return z * (1 - 2 / (w * w + 1));
}

const ACTIVATIONS = {
  identity: (z) => z,
  sigmoid,
  tanh: Math.tanh,
  relu: (z) => Math.max(z, 0),
  leaky_relu: (z) => Math.max(z, 0.01 * z),
  elu: (z) => (z > 0 ? z : Math.expm1(z)),
  selu: (z) => 1.0507009873554805 * (z > 0 ? z : 1.6732632423543772 * Math.expm1(z)),
  gelu: (z) => 0.5 * z * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z * z * z))),
  silu: (z) => z * sigmoid(z),
  mish,
  softplus: (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))),
};

/** Numbers of a text that holds float32 in base 64, little-endian. */
function floats(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const found = new Float32Array(bytes.length / 4);
  for (let i = 0; i < found.length; i += 1) found[i] = view.getFloat32(4 * i, true);
  return found;
}

/** Weights of one unit behind another -> those of one input behind another, which are added up faster. */
function transposed(weights, width) {
  const height = weights.length / width;
  return weights.map((_, i) => weights[(i % height) * width + floor(i / height)]);
}

function linear(x, width, weights, bias) {
  const sums = Float64Array.from(bias);
  const height = sums.length;
  for (let i = 0, at = 0; i < width; i += 1, at += height) {
    const value = x[i];
    if (value === 0) continue;
    for (let unit = 0; unit < height; unit += 1) sums[unit] += value * weights[at + unit];
  }
  return sums;
}

const affine = (x, scale, shift) => x.map((value, i) => value * scale[i] + shift[i]);
const total = (x) => x.reduce((a, b) => a + b, 0);

function standardise(x, scale, shift, epsilon) {
  const mean = total(x) / x.length;
  const inverse = 1 / Math.sqrt(total(x.map((value) => (value - mean) ** 2)) / x.length + epsilon);
  return affine(x.map((value) => (value - mean) * inverse), scale, shift);
}

const STEPS = { linear, affine, standardise };

function logitsOf(net, x) {
  const seen = new Float64Array(net.width);
  net.inputs.forEach((place, i) => {
    seen[i] = x[place];
  });
  let at = net.inputs.length;
  for (const [place, width, vectors] of net.tables) {
    seen.set(vectors.subarray(x[place] * width, (x[place] + 1) * width), at);
    at += width;
  }
  const step = (values, [name, ...rest]) => (STEPS[name] ? STEPS[name](values, ...rest) : values.map(ACTIVATIONS[name]));
  const finite = (z) => (Number.isNaN(z) ? 0 : clamp(z, -FLOAT32_MAX, FLOAT32_MAX));
  return Array.from(net.steps.reduce(step, seen), finite);
}

function softmax(logits) {
  const largest = Math.max(...logits);
  const shares = logits.map((z) => Math.exp(z - largest));
  const sum = total(shares);
  return shares.map((share) => share / sum);
}

const LINKS = {
  softmax,
  sigmoid: ([z]) => [1 - sigmoid(z), sigmoid(z)],
  identity: (logits) => logits,
  exp: ([z]) => [Math.exp(clamp(z, -80, 80))],
};

/** Inputs -> the prediction; probabilities, or the value and the ends of its interval. */
function answer(x) {
  const mean = new Array(Math.max(MODEL.labels.length, 1)).fill(0);
  for (const { weight, temperature, nets } of MODEL.parts) {
    for (const net of nets) {
      const outputs = LINKS[MODEL.link](logitsOf(net, x).map((z) => z / temperature));
      mean.forEach((_, i) => {
        mean[i] += (weight / nets.length) * outputs[i];
      });
    }
  }
  if (MODEL.labels.length) return [MODEL.labels[decide(mean)], mean];
  const value = clamp(mean[0] * MODEL.std + MODEL.mean, MODEL.low, MODEL.high);
  return [value, [value, ...interval(x, value)]];
}

/** Probabilities -> the number of the class that is said. */
function decide(shares) {
  if (MODEL.costs.length) {
    const expected = shares.map((_, said) => total(shares.map((share, truth) => share * MODEL.costs[truth][said])));
    return expected.indexOf(Math.min(...expected));
  }
  if (MODEL.threshold !== null) return Number(shares[1] >= MODEL.threshold);
  return shares.indexOf(Math.max(...shares));
}

function interval(x, value) {
  const of = MODEL.interval;
  if (of === null) return [];
  const standardised = (value - MODEL.mean) / MODEL.std;
  const log = of.steps.reduce(
    (sum, [place, cut, below, above]) => sum + ((place < 0 ? standardised : x[place]) <= cut ? below : above),
    of.base,
  );
  const half = of.factor * Math.exp(clamp(log, -of.max_log, of.max_log));
  return [Math.max(value - half, of.lowest), Math.max(value + half, of.lowest)];
}

/**
 * A row by the names of its columns -> { prediction, ... }: probabilities, or the ends of its interval.
 *
 * Throws a RangeError for a column that is missing or a cell that is not written like its column.
 */
export function predict(row) {
  const [prediction, numbers] = answer(inputsOf(row));
  const found = [prediction, ...(MODEL.labels.length ? numbers : numbers.slice(1))];
  return Object.fromEntries(MODEL.names.map((name, i) => [name, found[i]]));
}

/** Lists as they were written -> maps, patterns and numbers. */
function unpack() {
  for (const name of ["currencies", "powers", "folded", "months", "zones", "halves"]) {
    MODEL[name] = new Map(MODEL[name]);
  }
  MODEL.missing = new Set(MODEL.missing);
  for (const of of [...MODEL.categories, ...MODEL.levels]) of.codes = new Map(of.codes);
  for (const cell of MODEL.cells) {
    cell.layouts = cell.layouts?.map(([patterns, flags]) => patterns.map((p) => new RegExp(`^(?:${p})$`, `d${flags}`)));
  }
  MODEL.cases = new Map(MODEL.cases);
  let at = 0;
  MODEL.of_words = MODEL.of_words.map((step) => (at += step));
  for (const { nets } of MODEL.parts) {
    for (const net of nets) {
      net.tables = net.tables.map(([place, width, text]) => [place, width, floats(text)]);
      net.width = net.tables.reduce((sum, [, width]) => sum + width, net.inputs.length);
      net.steps = net.steps.map((step) => step.map((one, i) => (i && typeof one === "string" ? floats(one) : one)));
      for (const step of net.steps) if (step[0] === "linear") step[2] = transposed(step[2], step[1]);
    }
  }
}

// --- a CSV from standard input ----------------------------------------------------------------------------

/** Line number and cells of each record; of one that cannot be taken apart, null in place of the cells. */
function* records(text) {
  const { delimiter, quote, escape, comment, spaces } = MODEL;
  let [at, line] = [0, 1];
  const isEnd = (character) => character === "\n" || character === "\r" || character === undefined;
  const endLine = () => {
    const [end] = /^(?:\r{0,2}\n|\r)?/.exec(text.slice(at, at + 3));
    at += end.length;
    line += 1;
  };
  const skipLine = () => {
    while (!isEnd(text[at])) at += 1;
    endLine();
  };
  const inQuotes = () => {
    let cell = "";
    for (at += 1; at < text.length; at += 1) {
      if (text[at] === escape) at += 1;
      else if (text[at] === quote && text[at + 1] === quote) at += 1;
      else if (text[at] === quote) break;
      if (text[at] === "\n" || (text[at] === "\r" && text[at + 1] !== "\n")) line += 1;
      cell += text[at] ?? "";
    }
    if (at >= text.length) throw new RangeError(`line ${line}: a quote opens that never closes`);
    at += 1;
    return cell;
  };
  for (let i = 0; i < MODEL.skip_rows; i += 1) skipLine();
  let [isOneColumn, nBlank] = [null, 0];
  while (at < text.length) {
    if (text[at] === comment) {
      skipLine();
      continue;
    }
    const first = line;
    if (isEnd(text[at])) {
      nBlank += 1;
      endLine();
      continue;
    }
    let [cells, isWhole] = [[], true];
    for (;;) {
      let cell = "";
      if (spaces && text[at] === " " && cells.length) at += 1;
      if (text[at] === quote) {
        cell = inQuotes();
        if (text[at] !== delimiter && !isEnd(text[at])) isWhole = false;
      }
      for (; !isEnd(text[at]) && text[at] !== delimiter; at += 1) {
        if (text[at] === escape) at += 1;
        cell += text[at] ?? "";
      }
      cells.push(cell);
      if (isEnd(text[at])) break;
      at += 1;
    }
    endLine();
    if (isOneColumn) for (; nBlank; nBlank -= 1) yield [first - nBlank, [""]]; // between others a row without a value
    nBlank = 0;
    isOneColumn ??= cells.length === 1;
    yield [first, isWhole ? cells : null];
  }
}

/** The header's names without the spaces around them, unless only these tell some apart. */
function namesOf(cells) {
  let trimmed = cells.map(strip);
  if (new Set(trimmed).size < new Set(cells).size) trimmed = cells;
  return trimmed.map((cell, i) => cell || `unnamed_${i + 1}`);
}

const quoted = (cell) => (/[,"\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

/** As Python writes a number in full. */
function inFull(value) {
  if (Number.isInteger(value) && Math.abs(value) < 1e16) return value.toFixed(1);
  return Math.abs(value) < 1e-4 ? value.toExponential().replace(/e-(\d)$/, "e-0$1") : String(value);
}

/** With nine digits, as Python's .9g: half of the last one goes to the even digit, where JavaScript goes up. */
function inShort(value) {
  const half = /^(-?\d\.\d{7}[02468])50*e(.*)$/.exec(value.toExponential(60));
  const [digits, power] = half ? half.slice(1) : value.toExponential(8).split("e");
  if (power >= -4 && power < 9) return String(Number(`${digits}e${power}`));
  return `${digits.replace(/\.?0+$/, "")}e${power[0]}${power.slice(1).padStart(2, "0")}`;
}

function written(row, isFull) {
  const number = isFull ? inFull : MODEL.labels.length ? (p) => inFull(halfEven(p * 1e6) / 1e6) : inShort;
  return Object.values(predict(row)).map((value) => (typeof value === "string" ? quoted(value) : number(value)));
}

const ENCODINGS = { cp949: "euc-kr", euc_kr: "euc-kr", cp1252: "windows-1252", shift_jis: "shift_jis", cp932: "shift_jis" };

/** Bytes as UTF-8, or else in the encoding of the training file. */
function decoded(bytes) {
  const mark = `${bytes[0]},${bytes[1]}`;
  if (mark === "255,254") return new TextDecoder("utf-16le").decode(bytes);
  if (mark === "254,255") return new TextDecoder("utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const encoding = ENCODINGS[MODEL.encoding.toLowerCase().replaceAll("-", "_")];
    if (encoding === undefined) throw new RangeError("the rows are not UTF-8: convert them first");
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  }
}

/** The answers of a CSV as lines; throws where a row cannot be answered. */
function* lines(text, isFull) {
  const { names: columns, header, bad_rows: badRows } = MODEL;
  const found = records(text);
  const names = header ? namesOf(found.next().value?.[1] ?? []) : null;
  let isTrailing = null; // whether rows end with a delimiter that the header does not have
  yield columns.map(quoted).join(",");
  for (const [line, given] of found) {
    const width = names?.length ?? given?.length;
    isTrailing ??= header && given?.length === width + 1 && given.at(-1) === "";
    const cells = isTrailing && given?.at(-1) === "" ? given.slice(0, -1) : given;
    if (cells === null || cells.length !== width) {
      const problem = cells ? `expected ${width} fields, found ${cells.length}` : "text after a closing quote";
      if (badRows !== "skip") throw new RangeError(`line ${line}: ${problem}`);
      yield columns.length > 1 ? ",".repeat(columns.length - 1) : '""';
      continue;
    }
    const row = Object.create(null);
    cells.forEach((cell, i) => {
      row[names?.[i] ?? `col${i + 1}`] = cell;
    });
    let answers;
    try {
      answers = written(row, isFull);
    } catch (error) {
      throw new RangeError(`line ${line}: ${error.message}`);
    }
    yield answers.join(",");
  }
}

/** Where Node was started with this file; `--full` as an argument writes all digits. */
async function main() {
  const [{ realpathSync }, { pathToFileURL }] = await Promise.all(
    ["node:fs", "node:url"].map((name) => import(/* webpackIgnore: true */ /* @vite-ignore */ name)),
  );
  if (import.meta.url !== pathToFileURL(realpathSync(process.argv[1])).href) return;
  process.stdout.on("error", (error) => process.exit(error.code === "EPIPE" ? 0 : 1)); // | head
  const parts = [];
  for await (const part of process.stdin) parts.push(part);
  let out = [];
  try {
    for (const line of lines(decoded(Buffer.concat(parts)), process.argv.includes("--full"))) out.push(`${line}\n`);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 2;
  }
  process.stdout.write(out.join(""));
}

unpack();
if (typeof process === "object" && process.versions?.node && process.argv[1]) main();
