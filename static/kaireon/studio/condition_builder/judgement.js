// All that is wrong with the condition, from the browser's own checks and from the server, each at its node.

import { check } from "./checks.js"
import { isGroup, join, toText, walk } from "./tree.js"

/** What the server said, tied to the nodes that it was said of: it holds until one of them is changed. */
export function tied(found, root) {
  return found.map(({ path, message }) => ({ path, message, ...holderOf(root, path) }))
}

function holderOf(root, path) {
  let holder = null
  for (const one of walk(root)) {
    const rest = path.slice(one.path.length)
    if (path.startsWith(one.path) && (one.path === "" || /^(?:$|[.[])/.test(rest))) holder = { ...one, rest }
  }
  if (!holder) return { id: null, key: "", said: toText(root) }
  const [key] = holder.rest.replace(/^\./, "").split(/[.[]/)
  return { id: holder.node.id, key, said: toText(holder.node) }
}

/** Every problem, { path, message, id, key }; `id` is null for those of no node. `fresh` leaves are spared. */
export function judge(root, serverProblems, fresh) {
  const places = new Map([...walk(root)].map(({ node, path }) => [node.id, { node, path }]))
  const fromServer = serverProblems.filter(({ id, said }) => toText(id === null ? root : (places.get(id)?.node ?? null)) === said)
    .map((problem) => ({ ...problem, path: problem.id === null ? problem.path : moved(problem, places.get(problem.id)) }))
  const isSaid = ({ id, key }) => fromServer.some((one) => one.id === id && one.key === key)
  const own = check(root)
    .map((problem) => ({ ...problem, key: isGroup(places.get(problem.id).node) ? "" : problem.path.split(".").at(-1) }))
    .filter((problem) => !fresh.has(problem.id) && !isSaid(problem))
  return [...fromServer, ...own]
}

/** The problem's path now that its node may stand elsewhere. */
function moved({ key }, { path }) {
  return key ? join(path, key) : path
}
