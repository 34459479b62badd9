// A list that goes on by itself. While the switch is on and the tab is to be seen, it asks every two seconds for what is
// newer than all that was looked at, and puts that on top. It waits while the pointer or the focus is in the list, so that
// nothing moves under a hand. The page holds at most 200 rows, and nothing is remembered beside them.

const EVERY_MS = 2000
const MOST_ROWS = 200
const ASKED_AGAIN = 50
const SAY_EVERY_MS = 10000

const tail = document.querySelector("[data-tail]")
if (tail) start(tail)

function start(tail) {
  const { one, many } = tail.dataset
  const button = tail.querySelector("[data-tail-switch]")
  const state = tail.querySelector("[data-tail-state]")
  const said = tail.querySelector("[data-tail-said]")
  let isOn = false
  let isAsking = false
  let timer = 0
  let unsaid = 0
  let saidAt = 0
  let trouble = ""

  tail.hidden = false
  button.addEventListener("click", () => {
    isOn = !isOn
    button.setAttribute("aria-checked", String(isOn))
    trouble = ""
    unsaid = 0
    if (isOn) ask()
    else clearTimeout(timer)
    show()
  })
  for (const kind of ["pointerover", "pointerout", "focusin", "focusout"]) {
    // Where the focus goes is known only after the event.
    document.addEventListener(kind, () => isOn && setTimeout(show))
  }
  document.addEventListener("visibilitychange", show)
  // Links and filters swap the list; one that shows older rows does not go on.
  document.addEventListener("htmx:afterSettle", show)
  show()

  function results() {
    return document.getElementById("results")
  }

  function obstacle() {
    if (document.hidden) return "Waits while this tab is hidden"
    if (new URLSearchParams(location.search).get("before")) return "Off while older rows are shown"
    if (results().matches(":hover")) return "Waits while the pointer is in the list"
    if (results().contains(document.activeElement)) return "Waits while the focus is in the list"
    return ""
  }

  function show() {
    const text = !isOn ? "" : obstacle() || trouble || "Looks every 2 s"
    if (state.textContent !== text) state.textContent = text
    tail.classList.toggle("tail--on", isOn && !obstacle() && !trouble)
  }

  async function ask() {
    clearTimeout(timer)
    if (!isOn || isAsking) return
    if (!obstacle()) {
      isAsking = true
      try {
        await look()
      } catch {
        trouble = "The server can't be reached; it is asked again"
      } finally {
        isAsking = false
      }
    }
    show()
    clearTimeout(timer)
    if (isOn) timer = setTimeout(ask, EVERY_MS)
  }

  async function look() {
    const list = results()
    const query = new URLSearchParams(location.search)
    query.set("after", list.dataset.newest)
    const unsettled = [...list.querySelectorAll("[data-unsettled]")].slice(0, ASKED_AGAIN)
    for (const row of unsettled) query.append("row", row.dataset.place)
    const response = await fetch(`${location.pathname}?${query}`, { headers: { "HX-Request": "true" } })
    if (response.headers.get("HX-Redirect")) {
      location.reload()
      return
    }
    if (!response.ok) throw new Error(String(response.status))
    const page = new DOMParser().parseFromString(await response.text(), "text/html")
    // Meanwhile the switch may have been turned off, the pointer have come in, or the list been filtered anew.
    if (!isOn || obstacle() || list !== results()) return
    const answer = page.querySelector("tbody[data-newest]")
    if (!answer) throw new Error("no rows")
    trouble = ""
    put(list, answer)
  }

  function put(list, answer) {
    list.dataset.newest = answer.dataset.newest
    const body = list.querySelector("[data-rows]")
    const rows = [...answer.rows]
    if (!body) {
      // The list was empty, and has no table to put rows into.
      if (rows.length) window.htmx.ajax("GET", location.href, { target: "#results", select: "#results", swap: "outerHTML" })
      return
    }
    const fresh = document.createDocumentFragment()
    let count = 0
    for (const row of rows) {
      const arrived = document.importNode(row, true)
      const shown = document.getElementById(row.id)
      if (shown) {
        shown.replaceWith(arrived)
      } else {
        arrived.classList.add("is-new")
        fresh.append(arrived)
        count += 1
      }
    }
    const more = Number(answer.dataset.more)
    if (more > 0) fresh.append(gap(body, more, "moreAtLeast" in answer.dataset))
    body.prepend(fresh)
    trim(list, body)
    say(count + more)
  }

  function gap(body, more, isAtLeast) {
    const row = document.createElement("tr")
    row.className = "is-gap"
    const cell = row.insertCell()
    cell.colSpan = body.parentElement.tHead.rows[0].cells.length
    const link = document.createElement("a")
    link.href = location.href
    link.textContent = "Load the list again"
    const number = isAtLeast ? `more than ${(1000).toLocaleString("en")}` : more.toLocaleString("en")
    cell.append(`and ${number} more came at the same time. `, link)
    return row
  }

  function trim(list, body) {
    while (body.rows.length > MOST_ROWS) body.lastElementChild.remove()
    while (body.lastElementChild?.classList.contains("is-gap")) body.lastElementChild.remove()
    const older = list.querySelector("a[rel=next]")
    const last = body.lastElementChild?.dataset.place
    if (!last || (!older && body.rows.length < MOST_ROWS)) return
    const url = new URL(location.href)
    url.searchParams.set("before", last)
    if (older) older.href = url.href
    else list.append(pager(url.href))
  }

  function pager(href) {
    const link = document.createElement("a")
    link.href = href
    link.rel = "next"
    link.className = "button button--quiet button--small"
    link.textContent = "Older"
    const nav = document.createElement("nav")
    nav.className = "pager"
    nav.setAttribute("aria-label", "Pages")
    nav.append(link)
    return nav
  }

  function say(count) {
    unsaid += count
    if (unsaid === 0 || Date.now() - saidAt < SAY_EVERY_MS) return
    said.textContent = `${unsaid.toLocaleString("en")} new ${unsaid === 1 ? one : many}`
    unsaid = 0
    saidAt = Date.now()
  }
}
