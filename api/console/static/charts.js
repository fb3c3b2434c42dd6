// Charts from the figures a page carries: <div class="chart" data-chart="id"> reads <script type="application/json" id>.
// Colours are the page's own; tooltips are drawn on the canvas, because the page allows no inline styles.
"use strict";

(() => {
  const tokens = getComputedStyle(document.documentElement);
  const colour = (name) => tokens.getPropertyValue(name).trim();
  const text = { color: colour("--ink-2"), fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 12 };
  const line = { lineStyle: { color: colour("--line-2") } };

  const shapes = {
    // {labels, series: [{name, values}]}: stacked columns, the first in stone, the second in the accent.
    columns: (data) => ({
      color: ["#e2d8c6", colour("--brand")],
      grid: { left: 8, right: 8, top: 32, bottom: 4, containLabel: true },
      legend: { top: 0, left: 0, itemWidth: 12, itemHeight: 8, textStyle: text },
      xAxis: { type: "category", data: data.labels, axisLabel: text, axisTick: { show: false }, axisLine: line },
      yAxis: { type: "value", axisLabel: text, splitLine: line },
      series: data.series.map((each) => ({ type: "bar", stack: "all", name: each.name, data: each.values, barMaxWidth: 28 })),
    }),
    // {labels, series: [{name, values}]}: lines over time.
    lines: (data) => ({
      color: [colour("--brand"), colour("--info"), colour("--ink-3")],
      grid: { left: 8, right: 16, top: 32, bottom: 4, containLabel: true },
      legend: { top: 0, left: 0, itemWidth: 12, itemHeight: 8, textStyle: text },
      xAxis: { type: "category", data: data.labels, axisLabel: text, axisTick: { show: false }, axisLine: line },
      yAxis: { type: "value", axisLabel: text, splitLine: line },
      series: data.series.map((each) => ({ type: "line", name: each.name, data: each.values, symbolSize: 5 })),
    }),
    // {low, middle, high, label}: one estimate with its interval, against nothing.
    interval: (data) => ({
      grid: { left: 24, right: 24, top: 30, bottom: 30 },
      xAxis: {
        type: "value", axisLabel: { ...text, showMinLabel: data.low >= 0, showMaxLabel: data.high <= 0 }, splitLine: line,
        min: Math.min(0, data.low) * 1.15, max: Math.max(0, data.high) * 1.15 || 1,
      },
      yAxis: { type: "category", data: [""], axisTick: { show: false }, axisLine: { show: false } },
      series: [
        {
          type: "custom",
          data: [[data.low, data.middle, data.high]],
          encode: { x: [0, 1, 2] },
          renderItem: (_, api) => {
            const [low, middle, high, zero] = [api.value(0), api.value(1), api.value(2), 0].map((value) => api.coord([value, 0]));
            const mark = data.low > 0 ? colour("--good") : data.high < 0 ? colour("--bad") : colour("--ink-2");
            const stroke = { stroke: mark, lineWidth: 3, lineCap: "round" };
            const whisker = (x) => ({ type: "line", shape: { x1: x, y1: low[1] - 8, x2: x, y2: low[1] + 8 }, style: stroke });
            return { type: "group", children: [
              { type: "line", shape: { x1: zero[0], y1: 30, x2: zero[0], y2: low[1] + 34 }, style: { stroke: colour("--ink-3"), lineDash: [3, 3] } },
              { type: "line", shape: { x1: low[0], y1: low[1], x2: high[0], y2: high[1] }, style: stroke },
              whisker(low[0]), whisker(high[0]),
              { type: "circle", shape: { cx: middle[0], cy: middle[1], r: 7 }, style: { fill: mark } },
              { type: "text", style: { text: data.label, x: middle[0], y: middle[1] - 28, textAlign: "center", fill: colour("--ink"), font: `600 13px ${text.fontFamily}` } },
            ] };
          },
        },
      ],
    }),
  };

  function draw(place) {
    const data = JSON.parse(document.getElementById(place.dataset.chart).textContent);
    const chart = echarts.init(place, null, { renderer: "canvas" });
    chart.setOption({
      animation: false, aria: { enabled: false }, textStyle: text, ...shapes[data.shape](data),
      tooltip: data.shape === "interval" ? undefined : { trigger: "axis", renderMode: "richText", axisPointer: { type: "shadow" } },
    });
    addEventListener("resize", () => chart.resize());
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-chart]").forEach(draw));
  document.addEventListener("htmx:afterSwap", (event) => event.target.querySelectorAll?.("[data-chart]").forEach(draw));
})();
