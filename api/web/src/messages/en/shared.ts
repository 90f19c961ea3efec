// Words of what more than one page shows: alerts, curves.
export default {
  acknowledged: (n: number) => (n === 1 ? '1 alert acknowledged.' : `${n} alerts acknowledged.`),
}
