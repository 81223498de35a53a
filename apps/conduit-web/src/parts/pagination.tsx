import { PAGE_SIZE } from "../list-path.ts";

/** Neighbours of the present page that have a link; so have the first and the last page. */
const NEIGHBOURS = 2;
/** So many pages have a link each. */
const MAX_ALL = 12;

interface PaginationProps {
  readonly count: number;
  readonly page: number;
  readonly hrefOf: (page: number) => string;
}

/** The pages of a list, as links. */
export function Pagination({ count, page, hrefOf }: PaginationProps) {
  const last = Math.ceil(count / PAGE_SIZE);
  if (last <= 1) return null;
  return (
    <nav aria-label="Pages">
      <ul class="pagination">
        {shownPages(page, last).map((number, index, all) => (
          <li key={number} class={number === page ? "page-item active" : "page-item"}>
            {index > 0 && number !== (all[index - 1] ?? 0) + 1 && (
              <span class="page-gap" aria-hidden="true">
                …
              </span>
            )}
            <a
              class="page-link"
              href={hrefOf(number)}
              aria-label={`Page ${number}`}
              aria-current={number === page ? "page" : undefined}
            >
              {number}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function shownPages(page: number, last: number): readonly number[] {
  const all = Array.from({ length: last <= MAX_ALL ? last : 0 }, (_, index) => index + 1);
  if (all.length > 0) return all;
  const near = Array.from({ length: 2 * NEIGHBOURS + 1 }, (_, index) => page - NEIGHBOURS + index);
  return [...new Set([1, ...near.filter((number) => number > 1 && number < last), last])];
}
