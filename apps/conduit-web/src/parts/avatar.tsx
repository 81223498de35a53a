import { useState } from "preact/hooks";

const DEFAULT_AVATAR = "/default-avatar.svg";

interface AvatarProps {
  readonly class?: string;
  readonly image: string | null;
  /** In CSS pixels, wide and high. */
  readonly size: number;
}

/** The picture of a user, beside whose name it stands. What is no picture is covered by the default one, in the styles. */
export function Avatar({ class: name = "", image, size }: AvatarProps) {
  const [broken, setBroken] = useState<string | null>(null);
  const source = image ?? DEFAULT_AVATAR;
  return (
    <img
      class={broken === source ? `${name} is-broken` : name}
      src={source}
      alt=""
      width={size}
      height={size}
      loading="lazy"
      decoding="async"
      referrerpolicy="no-referrer"
      onError={() => setBroken(source)}
    />
  );
}
