// The fields that a page knows of, with types and samples. Each address is asked once; the answer is read by our own
// reader, since a sample may have more digits than JavaScript's numbers.

import { readJson } from "./json_text.js"

const answers = new Map()
const NO_FIELDS = { fields: [], secrets: [], names: [] }

/** The answer of an address: { fields: [{ name, type, samples }], secrets, names }; nothing where it can't be had. */
export function ask(url) {
  if (!answers.has(url)) {
    const answer = load(url)
    answers.set(url, answer)
    // What failed may succeed the next time.
    answer.then((found) => found === NO_FIELDS && answers.delete(url))
  }
  return answers.get(url)
}

async function load(url) {
  try {
    const response = await fetch(url, { headers: { Accept: "application/json" } })
    if (!response.ok || !response.headers.get("Content-Type")?.startsWith("application/json")) return NO_FIELDS
    return toAnswer(readJson(await response.text()))
  } catch {
    return NO_FIELDS
  }
}

function toAnswer(raw) {
  const member = (value, key) => value.entries.find((entry) => entry.key === key)?.value
  const texts = (value) => value?.items.map((item) => item.value) ?? []
  return {
    fields: (member(raw, "fields")?.items ?? []).map((field) => ({
      name: member(field, "name").value,
      type: member(field, "type").value,
      samples: member(field, "samples").items,
    })),
    secrets: texts(member(raw, "secrets")),
    names: texts(member(raw, "names")),
  }
}

/** The address with what the page's own fields add to it: `sources` leads from a parameter to the id of a field. */
export function addressOf(url, sources) {
  const address = new URL(url, location.href)
  for (const [parameter, id] of Object.entries(sources)) {
    const value = id && document.getElementById(id)?.value
    if (value) address.searchParams.set(parameter, value)
  }
  return address.href
}

/**
 * The best of `options` for what was typed: those that begin with it, those that have it somewhere, and those that have
 * its steps in this order (`event.amount` finds event.metadata.amount).
 */
export function matching(options, typed, wordsOf) {
  const wanted = typed.trim().toLowerCase()
  if (!wanted) return options
  const ranked = options.map((option) => ({ option, rank: rankOf(wordsOf(option).toLowerCase(), wanted) }))
  return [0, 1, 2].flatMap((rank) => ranked.filter((one) => one.rank === rank).map((one) => one.option))
}

function rankOf(words, wanted) {
  const at = words.indexOf(wanted)
  if (at === 0 || words[at - 1] === ".") return 0
  if (at > 0) return 1
  const steps = words.split(".")
  let from = 0
  for (const step of wanted.split(".")) {
    const found = steps.findIndex((one, index) => index >= from && one.startsWith(step))
    if (found === -1) return null
    from = found + 1
  }
  return 2
}
