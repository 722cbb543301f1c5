/** The form of a row of the table of settings. */
import type { Kind } from './kinds.ts';

/** The program that reads the settings. Some defaults depend on it. */
export type Role = 'all-in-one' | 'gateway' | 'api' | 'worker' | 'migrate';

/** A value, or `null` if the setting stays unset. */
export type Default<T> = T | null;

/** One setting. */
export interface Setting<T> {
  /** The environment variable. An empty value counts as unset. */
  readonly name: string;
  readonly kind: Kind<T>;
  readonly default: Default<T> | Readonly<Record<'all-in-one' | 'elsewhere', Default<T>>>;
  /** One sentence for the README, with the unit. */
  readonly meaning: string;
  /** The meaning of zero, if zero is special. */
  readonly zero?: string;
  /** The value is never shown. */
  readonly secret?: true;
}

/** Keeps the type of the default, so that `Config` knows the fields that may be unset. */
export function setting<T, const D extends Setting<T>['default']>(entry: Omit<Setting<T>, 'default'> & { readonly default: D }) {
  return entry;
}
