// JSON as it was written: numbers keep their digits, objects the order and the repetitions of their keys, and every
// value knows where in the text it stands.
//
// A value is { type, at } and, by its type: "text" value, "number" digits (the literal), "boolean" value, "null",
// "list" items, "object" entries [{ key, at, value }]. `at` is an offset; values that are in no text have none.

const MAX_DEPTH = 100
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y
const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }

export const text = (value) => ({ type: "text", value })
export const number = (digits) => ({ type: "number", digits })
export const boolean = (value) => ({ type: "boolean", value })
export const nothing = () => ({ type: "null" })
export const list = (items) => ({ type: "list", items })

/** What is wrong with a text that is not JSON, and at which offset. */
export class JsonProblem extends Error {
  constructor(message, at) {
    super(message)
    this.at = at
  }
}

/** The number that a text spells, as it must be spelt in JSON; null if it spells none. */
export function numberIn(written) {
  const digits = written.trim()
  NUMBER.lastIndex = 0
  return NUMBER.exec(digits)?.[0].length === digits.length && digits ? number(digits) : null
}

/** Line and column of an offset, both from 1. */
export function placeOf(source, at) {
  const before = source.slice(0, at)
  const lineStart = before.lastIndexOf("\n") + 1
  let line = 1
  for (let index = before.indexOf("\n"); index !== -1; index = before.indexOf("\n", index + 1)) line += 1
  return { line, column: at - lineStart + 1 }
}

/** The value that `source` holds. Throws JsonProblem. */
export function readJson(source) {
  return new Reader(source).whole()
}

class Reader {
  constructor(source) {
    this.source = source
    this.at = 0
  }

  whole() {
    this.skipBlanks()
    const value = this.value(1)
    this.skipBlanks()
    if (this.at < this.source.length) this.fail(`Nothing may follow here, but there is ${this.shown()}.`)
    return value
  }

  fail(message, at = this.at) {
    throw new JsonProblem(message, at)
  }

  shown() {
    if (this.at >= this.source.length) return "the end"
    const word = /[A-Za-z0-9_$.+-]{1,20}/y
    word.lastIndex = this.at
    return word.exec(this.source)?.[0] ?? String.fromCodePoint(this.source.codePointAt(this.at))
  }

  skipBlanks() {
    while (" \t\n\r".includes(this.source[this.at] || "x")) this.at += 1
  }

  value(depth) {
    if (depth > MAX_DEPTH) this.fail("This is nested too deeply.")
    const at = this.at
    const letter = this.source[at]
    if (letter === "{") return this.object(depth)
    if (letter === "[") return this.list(depth)
    if (letter === '"') return { type: "text", value: this.string(), at }
    for (const [word, value] of [["true", boolean(true)], ["false", boolean(false)], ["null", nothing()]]) {
      if (this.source.startsWith(word, at) && !/[A-Za-z0-9_]/.test(this.source[at + word.length] || " ")) {
        this.at += word.length
        return { ...value, at }
      }
    }
    NUMBER.lastIndex = at
    const digits = NUMBER.exec(this.source)?.[0]
    if (digits) {
      this.at += digits.length
      if (/[A-Za-z0-9_.]/.test(this.source[this.at] || " ")) {
        this.at = at
        this.fail(`${this.shown()} is not a number as JSON writes it.`)
      }
      return { type: "number", digits, at }
    }
    return this.noValue()
  }

  noValue() {
    const found = this.shown()
    if (found === "the end") this.fail("The text ends where a value should stand.")
    if (found === "'" || found === "“" || found === "”") this.fail('Text stands between straight double quotes: "…".')
    const meant = { True: "true", TRUE: "true", False: "false", FALSE: "false", None: "null", undefined: "null" }[found]
    if (meant) this.fail(`${found} is not JSON; write ${meant}.`)
    if (found === "]" || found === "}" || found === ",") this.fail(`A value is missing before ${found}`)
    this.fail(`${found} is not a value. Text needs double quotes: "…".`)
  }

  string() {
    const start = this.at
    let value = ""
    this.at += 1
    for (;;) {
      const letter = this.source[this.at]
      if (letter === undefined || letter === "\n") this.fail("The closing double quote of this text is missing.", start)
      if (letter === '"') {
        this.at += 1
        return value
      }
      if (letter < " ") this.fail("A control character must be written as an escape, such as \\t.")
      this.at += 1
      value += letter === "\\" ? this.escape() : letter
    }
  }

  escape() {
    const letter = this.source[this.at]
    if (letter === "u") {
      const digits = this.source.slice(this.at + 1, this.at + 5)
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.fail("\\u needs four hexadecimal digits.", this.at - 1)
      this.at += 5
      return String.fromCharCode(Number.parseInt(digits, 16))
    }
    if (!Object.hasOwn(ESCAPES, letter ?? "")) {
      this.fail(`\\${letter ?? ""} is not an escape. A backslash itself is written \\\\.`, this.at - 1)
    }
    this.at += 1
    return ESCAPES[letter]
  }

  list(depth) {
    const at = this.at
    const items = []
    this.members("]", at, () => items.push(this.value(depth + 1)))
    return { type: "list", items, at }
  }

  object(depth) {
    const at = this.at
    const entries = []
    this.members("}", at, () => {
      const keyAt = this.at
      if (this.source[keyAt] !== '"') this.fail(`A key needs double quotes: "…". There is ${this.shown()}.`)
      const key = this.string()
      this.skipBlanks()
      if (this.source[this.at] !== ":") this.fail(`A colon is missing behind the key ${JSON.stringify(key)}.`)
      this.at += 1
      this.skipBlanks()
      entries.push({ key, at: keyAt, value: this.value(depth + 1) })
    })
    return { type: "object", entries, at }
  }

  /** Reads members up to `close`; `opened` is where the bracket stands that it closes. */
  members(close, opened, member) {
    const unclosed = () => {
      const { line } = placeOf(this.source, opened)
      this.fail(`The text ends, but the ${this.source[opened]} of line ${line} is not closed.`)
    }
    this.at += 1
    this.skipBlanks()
    if (this.source[this.at] === close) {
      this.at += 1
      return
    }
    for (;;) {
      if (this.at >= this.source.length) unclosed()
      member()
      this.skipBlanks()
      const letter = this.source[this.at]
      if (letter === undefined) unclosed()
      if (letter !== "," && letter !== close) this.fail(`A comma is missing before ${this.shown()}.`)
      const comma = this.at
      this.at += 1
      if (letter === close) return
      this.skipBlanks()
      if (this.source[this.at] === close) this.fail(`There is a comma before ${close} with nothing behind it.`, comma)
    }
  }
}

/** The value as JSON, indented by two spaces. */
export function writeJson(value, indent = "") {
  const inner = `${indent}  `
  const joined = (open, parts, close) => `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${indent}${close}`
  if (value.type === "list") {
    return value.items.length ? joined("[", value.items.map((item) => writeJson(item, inner)), "]") : "[]"
  }
  if (value.type === "object") {
    const parts = value.entries.map((entry) => `${JSON.stringify(entry.key)}: ${writeJson(entry.value, inner)}`)
    return parts.length ? joined("{", parts, "}") : "{}"
  }
  return writeScalar(value)
}

/** The value as JSON in one line. */
export function writeInline(value) {
  if (value.type === "list") return `[${value.items.map(writeInline).join(", ")}]`
  if (value.type === "object") {
    return `{${value.entries.map((entry) => `${JSON.stringify(entry.key)}: ${writeInline(entry.value)}`).join(", ")}}`
  }
  return writeScalar(value)
}

function writeScalar(value) {
  if (value.type === "number") return value.digits
  if (value.type === "text") return JSON.stringify(value.value)
  return value.type === "null" ? "null" : String(value.value)
}

/** Where in the text the value at a path stands (`all[1].operator`); for what is missing, the nearest around it. */
export function locate(root, path) {
  let value = root
  let at = root.at
  for (const [, key, index] of path.matchAll(/([^.[\]]+)|\[(\d+)\]/g)) {
    if (index !== undefined && value.type === "list" && value.items[index]) {
      value = value.items[index]
      at = value.at
    } else if (key !== undefined && value.type === "object") {
      const entry = value.entries.findLast((one) => one.key === key)
      if (!entry) return at
      value = entry.value
      at = entry.at
    } else {
      return at
    }
  }
  return at
}
