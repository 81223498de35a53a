/**
 * The functions that only compute, of each server: what calls others than these may do anything, as a function of the program's
 * own can write. A name that is missing here costs speed and nothing else.
 */

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Words that stand before a parenthesis and call nothing: the grammar's own, and names of types. */
export const BEFORE_PARENTHESIS: ReadonlySet<string> = new Set(
  words(`
  all and any as between by case cast cross cube distinct div else except exists extract filter for from group having
  ignore ilike in index inner intersect interval is join key lateral left like limit materialized mod not of offset on or
  over partition right rlike regexp rollup row rows select sets similar some then to union use using values when where with
  within xor
  array bigint binary bit bool boolean bytea char character date datetime decimal double float int integer json jsonb
  nchar numeric real signed smallint text time timestamp timestamptz unsigned uuid varbinary varbit varchar varying year
`),
);

const COMMON = words(`
  abs acos ascii asin atan atan2 avg bit_and bit_length bit_or bit_xor ceil ceiling char_length character_length coalesce
  concat concat_ws cos cot count cume_dist current_date current_time current_timestamp degrees dense_rank exp first_value
  floor greatest lag last_value lead least length ln localtime localtimestamp log log10 lower lpad ltrim max md5 min
  now nth_value ntile nullif octet_length percent_rank percentile_cont percentile_disc pi position power radians rank repeat
  replace reverse round row_number rpad rtrim sha1 sign sin sqrt stddev stddev_pop stddev_samp substr substring sum tan
  trim upper var_pop var_samp variance version
`);

export const POSTGRES_PURE: ReadonlySet<string> = new Set([
  ...COMMON,
  ...words(`
  age array_agg array_append array_cat array_dims array_length array_lower array_ndims array_position array_positions
  array_prepend array_remove array_replace array_to_json array_to_string array_upper bool_and bool_or btrim cardinality cbrt
  chr clock_timestamp col_description convert_from convert_to corr covar_pop covar_samp current_database current_role
  current_schema current_schemas current_setting current_user date_bin date_part date_trunc decode div encode every
  factorial format format_type gcd gen_random_uuid generate_series generate_subscripts get_bit get_byte
  has_schema_privilege has_table_privilege host initcap inet_client_addr inet_server_addr isempty isfinite json_agg
  json_array_elements json_array_elements_text json_array_length json_build_array json_build_object json_each json_each_text
  json_extract_path json_extract_path_text json_object json_object_agg json_object_keys json_populate_record
  json_populate_recordset json_strip_nulls json_to_record json_to_recordset json_typeof jsonb_agg jsonb_array_elements
  jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text
  jsonb_exists jsonb_exists_all jsonb_exists_any jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object
  jsonb_object_agg jsonb_object_keys jsonb_path_exists jsonb_path_match jsonb_path_query jsonb_path_query_array
  jsonb_path_query_first jsonb_populate_record jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_strip_nulls
  jsonb_to_record jsonb_to_recordset jsonb_to_tsvector jsonb_typeof justify_days justify_hours justify_interval lcm
  lower_inc lower_inf make_date make_interval make_time make_timestamp make_timestamptz masklen mode netmask network
  num_nonnulls num_nulls numnode obj_description overlay phraseto_tsquery pg_backend_pid pg_client_encoding
  pg_column_size pg_database_size pg_get_constraintdef pg_get_expr pg_get_indexdef pg_get_viewdef pg_indexes_size
  pg_is_in_recovery pg_postmaster_start_time pg_relation_size pg_size_pretty pg_table_is_visible pg_table_size
  pg_total_relation_size pg_typeof plainto_tsquery quote_ident quote_literal quote_nullable random range_agg range_merge
  regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array
  regexp_split_to_table regexp_substr regr_count regr_intercept regr_r2 regr_slope row_to_json scale session_user setweight
  sha224 sha256 sha384 sha512 split_part starts_with statement_timestamp string_agg string_to_array string_to_table strip
  strpos text timeofday timezone to_ascii to_char to_date to_hex to_json to_jsonb to_number to_regclass to_timestamp
  to_tsquery to_tsvector transaction_timestamp translate trunc ts_headline ts_rank ts_rank_cd unnest upper_inc upper_inf
  websearch_to_tsquery width_bucket
`),
]);

export const MARIADB_PURE: ReadonlySet<string> = new Set([
  ...COMMON,
  ...words(`
  adddate addtime bin bit_count charset coercibility collation column_get compress connection_id conv convert convert_tz
  crc32 crc32c curdate current_role current_user curtime database date_add date_format date_sub datediff day dayname
  dayofmonth dayofweek dayofyear elt export_set extractvalue field find_in_set format format_bytes from_base64 from_days
  from_unixtime get_format group_concat hex hour if ifnull inet6_aton inet6_ntoa inet_aton inet_ntoa insert instr is_ipv4
  is_ipv6 isnull json_array json_array_append json_array_insert json_arrayagg json_compact json_contains json_contains_path
  json_depth json_detailed json_equals json_exists json_extract json_insert json_keys json_length json_loose json_merge
  json_merge_patch json_merge_preserve json_normalize json_object json_objectagg json_overlaps json_query json_quote
  json_remove json_replace json_search json_set json_table json_type json_unquote json_valid json_value last_day lcase
  locate log2 make_set makedate maketime match median microsecond mid minute month monthname natural_sort_key nvl
  nvl2 oct ord period_add period_diff quarter quote rand regexp_instr regexp_replace regexp_substr schema sec_to_time
  second session_user sha sha2 soundex space std str_to_date strcmp subdate substring_index subtime sysdate system_user
  time_format time_to_sec timediff timestampadd timestampdiff to_base64 to_char to_days to_seconds truncate ucase
  uncompress uncompressed_length unhex unix_timestamp user utc_date utc_time utc_timestamp uuid week weekday weekofyear
  weight_string yearweek
`),
]);
