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

/** The best of `options` for what was typed: those that begin with it, then those that have it somewhere. */
export function matching(options, typed, wordsOf) {
  const wanted = typed.trim().toLowerCase()
  if (!wanted) return options
  const ranked = options.map((option) => {
    const words = wordsOf(option).toLowerCase()
    const at = words.indexOf(wanted)
    const isStart = at === 0 || (at > 0 && ".[ ".includes(words[at - 1]))
    return { option, rank: at === -1 ? 2 : isStart ? 0 : 1 }
  })
  return [0, 1].flatMap((rank) => ranked.filter((one) => one.rank === rank).map((one) => one.option))
}
