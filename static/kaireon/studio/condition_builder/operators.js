// The eight operators as people say them. The same words stand in kaireon/conditions/description.py.

const ORDER = ["gt", "gte", "lt", "lte"]

/** Each choice of the operator's menu: `value` only matters for exists. */
export const CHOICES = [
  { operator: "eq", words: "is" },
  { operator: "neq", words: "is not" },
  { operator: "gt", words: "is over", ofMoments: "is after" },
  { operator: "gte", words: "is at least", ofMoments: "is at or after" },
  { operator: "lt", words: "is under", ofMoments: "is before" },
  { operator: "lte", words: "is at most", ofMoments: "is at or before" },
  { operator: "in", words: "is one of" },
  { operator: "exists", words: "is there" },
  { operator: "exists", words: "is not there", isAbsence: true },
]

export const NAMES = [...new Set(CHOICES.map((choice) => choice.operator))]

const FITTING = {
  number: ["eq", "neq", ...ORDER, "in", "exists"],
  datetime: [...ORDER, "eq", "neq", "in", "exists"],
  text: ["eq", "neq", "in", "exists"],
  boolean: ["eq", "neq", "exists"],
  list: ["eq", "neq", "exists"],
  object: ["eq", "neq", "exists"],
}

export const isOrder = (operator) => ORDER.includes(operator)

/** What must stand behind "gt needs". */
export function needs(operator) {
  if (isOrder(operator)) return "a number or text"
  if (operator === "in") return "a list of values"
  return operator === "exists" ? "no value, or true or false" : "any JSON value"
}

/** Whether a leaf with this operator may have this value; undefined stands for none. */
export function accepts(operator, value) {
  if (operator === "exists") return value === undefined || value.type === "boolean"
  if (value === undefined) return false
  if (isOrder(operator)) return value.type === "number" || value.type === "text"
  return operator === "in" ? value.type === "list" : true
}

const isAbsence = (leaf) => leaf.operator === "exists" && leaf.value?.type === "boolean" && !leaf.value.value

export const choiceOf = (leaf) =>
  CHOICES.find((one) => one.operator === leaf.operator && Boolean(one.isAbsence) === isAbsence(leaf))

/** The choices for a field of `type` (undefined: not known), always with the leaf's own. */
export function choicesFor(leaf, type) {
  const fitting = FITTING[type] ?? NAMES
  const own = choiceOf(leaf)
  return CHOICES.filter((choice) => choice === own || fitting.includes(choice.operator))
}

export const wordsOf = (choice, isMoment) => (isMoment && choice.ofMoments) || choice.words
