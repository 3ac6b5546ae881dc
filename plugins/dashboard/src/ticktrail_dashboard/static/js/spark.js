// Owns: a trail of prices in the space of a word.

const WIDTH = 92;
const HEIGHT = 22;

export function sparkCanvas() {
  const canvas = document.createElement("canvas");
  canvas.className = "spark";
  canvas.setAttribute("aria-hidden", "true");
  const scale = Math.min(window.devicePixelRatio || 1, 2);
  canvas.width = WIDTH * scale;
  canvas.height = HEIGHT * scale;
  canvas.getContext("2d").scale(scale, scale);
  return canvas;
}

/** Draws the last prices as a line, its end marked; nothing where there are less than two. */
export function drawSpark(canvas, trail, colour) {
  const draw = canvas.getContext("2d");
  draw.clearRect(0, 0, WIDTH, HEIGHT);
  if (!trail || trail.size < 2) return;
  const values = trail.values;
  let low = values[0];
  let high = values[0];
  for (let i = 1; i < trail.size; i += 1) {
    if (values[i] < low) low = values[i];
    if (values[i] > high) high = values[i];
  }
  const x = (i) => 2 + ((WIDTH - 6) * (i + values.length - trail.size)) / (values.length - 1);
  const y = (v) => (high === low ? HEIGHT / 2 : HEIGHT - 4 - ((HEIGHT - 8) * (v - low)) / (high - low));
  draw.beginPath();
  for (let i = 0; i < trail.size; i += 1) draw.lineTo(x(i), y(values[i]));
  draw.strokeStyle = colour;
  draw.lineWidth = 1.3;
  draw.lineJoin = "round";
  draw.stroke();
  draw.beginPath();
  draw.arc(x(trail.size - 1), y(values[trail.size - 1]), 2, 0, 7);
  draw.fillStyle = colour;
  draw.fill();
}
