-- The same tables as in ../sqlite/0001-schema.sql, which says what they mean, and the signing key.
-- utf8mb4_nopad_bin compares code points, spaces at the end among them: names, slugs and tags are the same text or they are
-- not, and sort the same everywhere. Unique keys have names, because MariaDB reports nothing else of them.
-- Ids are never used again: InnoDB keeps the counter of AUTO_INCREMENT over a restart.

CREATE TABLE users (
  id bigint NOT NULL AUTO_INCREMENT,
  username varchar(64) NOT NULL,
  -- Bytes of UTF-8. A key can be longer than what it is the key of, and an index takes 3,072 bytes.
  username_key varbinary(1024) NOT NULL,
  email varchar(254) NOT NULL,
  email_key varbinary(1024) NOT NULL,
  password_hash varchar(255) NOT NULL,
  bio text,
  image text,
  articles_count bigint NOT NULL DEFAULT 0 CHECK (articles_count >= 0),
  favorites_count bigint NOT NULL DEFAULT 0 CHECK (favorites_count >= 0),
  created_at bigint NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT users_username_key UNIQUE (username_key),
  CONSTRAINT users_email_key UNIQUE (email_key)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE TABLE articles (
  id bigint NOT NULL AUTO_INCREMENT,
  slug varchar(255) NOT NULL,
  author_id bigint NOT NULL,
  title varchar(255) NOT NULL,
  description text NOT NULL,
  tags text NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  favorites_count bigint NOT NULL DEFAULT 0 CHECK (favorites_count >= 0),
  -- 250,000 characters of four bytes are more than the 65,535 bytes of a text.
  body mediumtext NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT articles_slug UNIQUE (slug),
  KEY articles_by_time (created_at, id),
  KEY articles_by_author (author_id, created_at, id),
  CONSTRAINT articles_author FOREIGN KEY (author_id) REFERENCES users (id) ON DELETE CASCADE
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE TABLE tags (
  id bigint NOT NULL AUTO_INCREMENT,
  name varchar(64) NOT NULL,
  articles_count bigint NOT NULL CHECK (articles_count >= 0),
  PRIMARY KEY (id),
  CONSTRAINT tags_name UNIQUE (name),
  KEY tags_by_use (articles_count, name)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE TABLE article_tags (
  tag_id bigint NOT NULL,
  article_created_at bigint NOT NULL,
  article_id bigint NOT NULL,
  PRIMARY KEY (tag_id, article_created_at, article_id),
  KEY article_tags_by_article (article_id),
  CONSTRAINT article_tags_tag FOREIGN KEY (tag_id) REFERENCES tags (id),
  CONSTRAINT article_tags_article FOREIGN KEY (article_id) REFERENCES articles (id) ON DELETE CASCADE
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE TABLE favorites (
  user_id bigint NOT NULL,
  article_created_at bigint NOT NULL,
  article_id bigint NOT NULL,
  PRIMARY KEY (user_id, article_created_at, article_id),
  KEY favorites_by_article (article_id),
  CONSTRAINT favorites_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
  CONSTRAINT favorites_article FOREIGN KEY (article_id) REFERENCES articles (id) ON DELETE CASCADE
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE TABLE follows (
  follower_id bigint NOT NULL,
  followed_id bigint NOT NULL,
  PRIMARY KEY (follower_id, followed_id),
  KEY follows_by_followed (followed_id),
  CONSTRAINT follows_follower FOREIGN KEY (follower_id) REFERENCES users (id) ON DELETE CASCADE,
  CONSTRAINT follows_followed FOREIGN KEY (followed_id) REFERENCES users (id) ON DELETE CASCADE
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

-- The key on the article stands first: a new comment holds its article before its author, as all that write do.
CREATE TABLE comments (
  id bigint NOT NULL AUTO_INCREMENT,
  article_id bigint NOT NULL,
  author_id bigint NOT NULL,
  body text NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (id),
  KEY comments_by_article (article_id, created_at, id),
  KEY comments_by_author (author_id),
  CONSTRAINT comments_article FOREIGN KEY (article_id) REFERENCES articles (id) ON DELETE CASCADE,
  CONSTRAINT comments_author FOREIGN KEY (author_id) REFERENCES users (id) ON DELETE CASCADE
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE TABLE totals (
  name varchar(64) NOT NULL,
  amount bigint NOT NULL CHECK (amount >= 0),
  PRIMARY KEY (name)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

INSERT INTO totals (name, amount) VALUES ('articles', 0);

-- The key that signs the session tokens, when none is given: made by the process that starts first, the same for all.
CREATE TABLE signing_keys (
  name varchar(64) NOT NULL,
  secret varbinary(255) NOT NULL,
  PRIMARY KEY (name)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
