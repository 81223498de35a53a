-- The database and the account of Conduit, for psql as a superuser; the password comes from CONDUIT_DATABASE_PASSWORD.
\getenv password CONDUIT_DATABASE_PASSWORD
\set ON_ERROR_STOP on
CREATE ROLE conduit LOGIN PASSWORD :'password';
-- The one template that any encoding and locale can be made of.
CREATE DATABASE conduit OWNER conduit TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';
REVOKE CONNECT, TEMPORARY ON DATABASE conduit FROM PUBLIC;
