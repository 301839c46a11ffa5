const MOST = 100;

export function countFrom(url) {
  const count = Number(new URL(url).searchParams.get("count") ?? "1");
  return Number.isInteger(count) && count > 0 ? Math.min(count, MOST) : 1;
}
