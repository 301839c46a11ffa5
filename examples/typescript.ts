// TypeScript is bundled at deploy; types are for you and the editor.
//
//   ztsctl deploy typescript.ts
//   curl "http://127.0.0.1:8080/typescript?celsius=21"
interface Env {
  PRECISION?: string;
}

function toFahrenheit(celsius: number): number {
  return (celsius * 9) / 5 + 32;
}

export default {
  fetch(request: Request, env: Env): Response {
    const celsius = Number(new URL(request.url).searchParams.get("celsius") ?? "20");
    if (!Number.isFinite(celsius)) {
      return Response.json({ error: "celsius must be a number" }, { status: 400 });
    }
    const digits = Number(env.PRECISION ?? "1");
    return Response.json({ celsius, fahrenheit: Number(toFahrenheit(celsius).toFixed(digits)) });
  },
};
