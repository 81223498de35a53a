-- Times are milliseconds since 1970-01-01T00:00:00Z: they sort, compare and turn into text cheaply in every database.
-- Ids are never used again (AUTOINCREMENT): a token or a link of something deleted must not come to mean something new.

CREATE TABLE users (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  username TEXT NOT NULL,
  -- The spellings under which names and addresses are unique: NFKC, without case. The columns beside them keep what was typed.
  username_key TEXT NOT NULL,
  email TEXT NOT NULL,
  email_key TEXT NOT NULL,
  -- A PHC string of Argon2id.
  password_hash TEXT NOT NULL,
  bio TEXT,
  image TEXT,
  -- Kept, not counted: how many articles the user has written, and how many the user has favourited.
  articles_count INTEGER NOT NULL DEFAULT 0 CHECK (articles_count >= 0),
  favorites_count INTEGER NOT NULL DEFAULT 0 CHECK (favorites_count >= 0),
  created_at INTEGER NOT NULL,
  UNIQUE (username_key),
  UNIQUE (email_key)
) STRICT;

CREATE TABLE articles (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  slug TEXT NOT NULL,
  author_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  -- The tags as a JSON list in the order they were given in, so that a list of articles needs no row per tag.
  tags TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  favorites_count INTEGER NOT NULL DEFAULT 0 CHECK (favorites_count >= 0),
  -- Last, because lists do not read it and SQLite reads a row from its front.
  body TEXT NOT NULL,
  UNIQUE (slug)
) STRICT;

-- Lists are newest first, ties by id. Each index below holds one kind of list in that order, so that a page is read and
-- skipped in the index alone.
CREATE INDEX articles_by_time ON articles (created_at, id);
CREATE INDEX articles_by_author ON articles (author_id, created_at, id);

CREATE TABLE tags (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  -- Kept, not counted. A tag that no article has any more is deleted.
  articles_count INTEGER NOT NULL CHECK (articles_count >= 0),
  UNIQUE (name)
) STRICT;

-- For the list of tags, the most used first.
CREATE INDEX tags_by_use ON tags (articles_count, name);

-- article_created_at repeats articles.created_at, which never changes, to keep the order of the list in the key.
CREATE TABLE article_tags (
  tag_id INTEGER NOT NULL REFERENCES tags (id),
  article_created_at INTEGER NOT NULL,
  article_id INTEGER NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
  PRIMARY KEY (tag_id, article_created_at, article_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX article_tags_by_article ON article_tags (article_id);

CREATE TABLE favorites (
  user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  article_created_at INTEGER NOT NULL,
  article_id INTEGER NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
  PRIMARY KEY (user_id, article_created_at, article_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX favorites_by_article ON favorites (article_id);

CREATE TABLE follows (
  follower_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  followed_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  PRIMARY KEY (follower_id, followed_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX follows_by_followed ON follows (followed_id);

CREATE TABLE comments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  article_id INTEGER NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
  author_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  body TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX comments_by_article ON comments (article_id, created_at, id);
CREATE INDEX comments_by_author ON comments (author_id);

-- What is kept about the whole: how many articles there are.
CREATE TABLE totals (
  name TEXT PRIMARY KEY,
  amount INTEGER NOT NULL CHECK (amount >= 0)
) STRICT, WITHOUT ROWID;

INSERT INTO totals (name, amount) VALUES ('articles', 0);
