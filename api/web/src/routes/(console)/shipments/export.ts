// Shipments as a file of CSV, a line to each stop, which the import reads back.
import type { Shipment } from '#shared/api/shapes.ts'
import { csvOf, saveText } from '#shared/table.ts'

export const COLUMNS = ['shipment', 'reference', 'customer', 'vehicle', 'profile', 'stop', 'name', 'site', 'lat', 'lon', 'window_start', 'window_end'] as const
const TOLD = ['status', 'arrived_at', 'departed_at', 'eta_p10', 'eta_p50', 'eta_p90', 'temperature', 'min_c', 'max_c'] as const

export const csvOfShipments = (shipments: readonly Shipment[]): string =>
  csvOf(
    [...COLUMNS, ...TOLD],
    shipments.flatMap(({ id, reference, customer, vehicle, profile, status, temperature, stops }) =>
      stops.map((stop) => [
        id, reference, customer, vehicle, profile, stop.seq, stop.name, stop.site, stop.lat, stop.lon, stop.window_start, stop.window_end,
        status, stop.arrived_at, stop.departed_at, stop.eta?.p10, stop.eta?.p50, stop.eta?.p90, temperature.verdict, temperature.min_c, temperature.max_c,
      ]),
    ),
  )

export const saveAll = (shipments: readonly Shipment[]): void => saveText(csvOfShipments(shipments), 'shipments.csv', 'text/csv')

const day = (now: number, days: number): string => new Date(now + days * 86_400_000).toISOString().slice(0, 10)

/** A file to begin with: one shipment by two stops tomorrow. */
export const template = (now: number): string =>
  csvOf(COLUMNS, [
    ['S-2001', 'PO 7731', 'Harbour store', 'truck-01', '', 1, '', 'dc-1', '', '', `${day(now, 1)} 08:00`, `${day(now, 1)} 09:00`],
    ['S-2001', 'PO 7731', 'Harbour store', 'truck-01', '', 2, 'Pier 3', '', 60.16, 24.96, `${day(now, 1)} 12:00`, `${day(now, 1)} 13:00`],
  ])
