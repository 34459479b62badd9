// The chart of a trigger: stacked bars in the colours of the legend. The browser has worked those out from the tokens, for
// light or dark; where that changes, the chart is drawn anew.

const { Chart } = window
let chart = null

function draw() {
  chart?.destroy()
  chart = null
  const canvas = document.querySelector("canvas[data-chart]")
  if (!canvas) return
  const { labels, series } = JSON.parse(document.getElementById(canvas.dataset.chart).textContent)
  const subtle = styleOf(".legend__item .subtle").color
  const panel = styleOf("#did")
  chart = new Chart(canvas, {
    type: "bar",
    data: { labels, datasets: series.map(bars) },
    options: {
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      plugins: {
        legend: { display: false },
        colors: { enabled: false },
        tooltip: {
          filter: ({ raw }) => raw > 0,
          backgroundColor: panel.color,
          titleColor: panel.backgroundColor,
          bodyColor: panel.backgroundColor,
          multiKeyBackground: "transparent",
        },
      },
      scales: {
        x: { stacked: true, grid: { display: false }, ticks: { color: subtle, maxRotation: 0, autoSkipPadding: 16 } },
        y: {
          stacked: true,
          beginAtZero: true,
          border: { display: false },
          grid: { color: panel.borderTopColor },
          ticks: { color: subtle, precision: 0, maxTicksLimit: 6 },
        },
      },
    },
  })
}

function bars({ name, label, values }) {
  const { color } = styleOf(`.legend__swatch--${name}`)
  const hidden = !document.querySelector(`[data-legend] [value="${name}"]`).checked
  return { label, data: values, hidden, backgroundColor: color, hoverBackgroundColor: color, maxBarThickness: 28 }
}

function styleOf(selector) {
  return getComputedStyle(document.querySelector(selector))
}

document.addEventListener("change", ({ target }) => {
  if (target.closest("[data-legend]")) draw()
})
document.addEventListener("themechange", draw)
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw)
document.addEventListener("htmx:afterSettle", draw)
draw()
