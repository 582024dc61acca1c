/*
 * tpch: the 22 questions of TPC-H, asked of harper and of SQLite in one program.
 *
 *     tpch [--scale F] [--backend lmdb|rocksdb|memory] [--only N] [--repeat R] [--dir DIR]
 *          [--plan]
 *
 * The rows come from a generator of our own: the eight tables, keys and distributions of the TPC-H
 * specification as far as the questions need them, the same for every run. Both engines get the
 * same definitions and indexes and ANALYZE. Every result is compared row by row, reals to 1e-6
 * relative. A line per question: best milliseconds of both, the ratio (greater than 1: harper is
 * faster); at the end the geometric mean. The exit status tells whether all results were equal.
 */
#include "api/harper.h"
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double scale = 0.01;
static int repeats = 1, only;
static bool shows_plan;
static const char *backend = "lmdb", *directory = "/tmp";
static char sqlite_path[512], harper_path_text[512];

static sqlite3 *sqlite;
static harper *db;
static harper_session *session;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "tpch: %s: %s\n", what, why);
    exit(2);
}

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* ---- random numbers: one stream, drawn in one order ---- */

static uint64_t random_state = 88172645463325252ull;

/* low … high, both included */
static long draw(long low, long high)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return low + (long)((random_state >> 11) % (uint64_t)(high - low + 1));
}

#define COUNT_OF(list) (sizeof(list) / sizeof *(list))
#define PICK(list)     list[draw(0, (long)COUNT_OF(list) - 1)]

/* ---- words ---- */

static const char *const colours[] = {
    "almond",   "antique",   "aquamarine", "azure",      "beige",     "bisque",    "black",
    "blanched", "blue",      "blush",      "brown",      "burlywood", "burnished", "chartreuse",
    "chiffon",  "chocolate", "coral",      "cornflower", "cornsilk",  "cream",     "cyan",
    "dark",     "deep",      "dim",        "dodger",     "drab",      "firebrick", "floral",
    "forest",   "frosted",   "gainsboro",  "ghost",      "goldenrod", "green",     "grey",
    "honeydew", "hot",       "indian",     "ivory",      "khaki",     "lace",      "lavender",
    "lawn",     "lemon",     "light",      "lime",       "linen",     "magenta",   "maroon",
    "medium",   "metallic",  "midnight",   "mint",       "misty",     "moccasin",  "navajo",
    "navy",     "olive",     "orange",     "orchid",     "pale",      "papaya",    "peach",
    "peru",     "pink",      "plum",       "powder",     "puff",      "purple",    "red",
    "rose",     "rosy",      "royal",      "saddle",     "salmon",    "sandy",     "seashell",
    "sienna",   "sky",       "slate",      "smoke",      "snow",      "spring",    "steel",
    "tan",      "thistle",   "tomato",     "turquoise",  "violet",    "wheat",     "white",
    "yellow"};
static const char *const type_1[] = {"STANDARD", "SMALL", "MEDIUM", "LARGE", "ECONOMY", "PROMO"};
static const char *const type_2[] = {"ANODIZED", "BURNISHED", "PLATED", "POLISHED", "BRUSHED"};
static const char *const type_3[] = {"TIN", "NICKEL", "BRASS", "STEEL", "COPPER"};
static const char *const container_1[] = {"SM", "LG", "MED", "JUMBO", "WRAP"};
static const char *const container_2[] = {"CASE", "BOX",  "BAG", "JAR",
                                          "PKG",  "PACK", "CAN", "DRUM"};
static const char *const segments[] = {"AUTOMOBILE", "BUILDING", "FURNITURE", "MACHINERY",
                                       "HOUSEHOLD"};
static const char *const priorities[] = {"1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED",
                                         "5-LOW"};
static const char *const instructions[] = {"DELIVER IN PERSON", "COLLECT COD", "NONE",
                                           "TAKE BACK RETURN"};
static const char *const modes[] = {"REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"};
static const char *const regions[] = {"AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"};
static const struct {
    const char *name;
    int region;
} nations[] = {{"ALGERIA", 0},      {"ARGENTINA", 1}, {"BRAZIL", 1}, {"CANADA", 1},
               {"EGYPT", 4},        {"ETHIOPIA", 0},  {"FRANCE", 3}, {"GERMANY", 3},
               {"INDIA", 2},        {"INDONESIA", 2}, {"IRAN", 4},   {"IRAQ", 4},
               {"JAPAN", 2},        {"JORDAN", 4},    {"KENYA", 0},  {"MOROCCO", 0},
               {"MOZAMBIQUE", 0},   {"PERU", 1},      {"CHINA", 2},  {"ROMANIA", 3},
               {"SAUDI ARABIA", 4}, {"VIETNAM", 2},   {"RUSSIA", 3}, {"UNITED KINGDOM", 3},
               {"UNITED STATES", 1}};
static const char *const words[] = {
    "furiously",    "quickly",  "carefully", "blithely",   "slyly",   "packages",
    "requests",     "accounts", "deposits",  "foxes",      "ideas",   "theodolites",
    "pinto",        "beans",    "special",   "pending",    "unusual", "express",
    "final",        "regular",  "ironic",    "even",       "bold",    "silent",
    "sleep",        "wake",     "haggle",    "nag",        "cajole",  "integrate",
    "detect",       "among",    "across",    "above",      "against", "instructions",
    "dependencies", "excuses",  "platelets", "asymptotes", "courts",  "dolphins"};

static const char *sentence(char *out, size_t size, int low, int high)
{
    int count = (int)draw(low, high);
    size_t at = 0;

    for (int i = 0; i < count && at + 20 < size; i++)
        at += (size_t)snprintf(out + at, size - at, i == 0 ? "%s" : " %s", PICK(words));
    return out;
}

/* Day 0 is 1992-01-01. */
static const char *date_text(int day, char out[16])
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = 1992, month = 0;

    for (;;) {
        int length = year % 4 == 0 ? 366 : 365;

        if (day < length)
            break;
        day -= length;
        year++;
    }
    for (;;) {
        int length = lengths[month] + (month == 1 && year % 4 == 0);

        if (day < length)
            break;
        day -= length;
        month++;
    }
    snprintf(out, 16, "%04d-%02d-%02d", year % 10000, month % 12 + 1, day % 31 + 1);
    return out;
}

enum {
    ORDER_DAYS = 2405, /* 1992-01-01 … 1998-08-02 */
    TODAY = 1263,      /* 1995-06-17 */
};

/* ---- one row into both engines ---- */

static const char *const schema[] = {
    "CREATE TABLE region (r_regionkey INTEGER PRIMARY KEY, r_name TEXT, r_comment TEXT)",
    "CREATE TABLE nation (n_nationkey INTEGER PRIMARY KEY, n_name TEXT, n_regionkey INTEGER, "
    "n_comment TEXT)",
    "CREATE TABLE supplier (s_suppkey INTEGER PRIMARY KEY, s_name TEXT, s_address TEXT, "
    "s_nationkey INTEGER, s_phone TEXT, s_acctbal REAL, s_comment TEXT)",
    "CREATE TABLE part (p_partkey INTEGER PRIMARY KEY, p_name TEXT, p_mfgr TEXT, p_brand TEXT, "
    "p_type TEXT, p_size INTEGER, p_container TEXT, p_retailprice REAL, p_comment TEXT)",
    "CREATE TABLE partsupp (ps_partkey INTEGER, ps_suppkey INTEGER, ps_availqty INTEGER, "
    "ps_supplycost REAL, ps_comment TEXT, PRIMARY KEY (ps_partkey, ps_suppkey))",
    "CREATE TABLE customer (c_custkey INTEGER PRIMARY KEY, c_name TEXT, c_address TEXT, "
    "c_nationkey INTEGER, c_phone TEXT, c_acctbal REAL, c_mktsegment TEXT, c_comment TEXT)",
    "CREATE TABLE orders (o_orderkey INTEGER PRIMARY KEY, o_custkey INTEGER, o_orderstatus TEXT, "
    "o_totalprice REAL, o_orderdate TEXT, o_orderpriority TEXT, o_clerk TEXT, o_shippriority "
    "INTEGER, o_comment TEXT)",
    "CREATE TABLE lineitem (l_orderkey INTEGER, l_partkey INTEGER, l_suppkey INTEGER, l_linenumber "
    "INTEGER, l_quantity REAL, l_extendedprice REAL, l_discount REAL, l_tax REAL, l_returnflag "
    "TEXT, l_linestatus TEXT, l_shipdate TEXT, l_commitdate TEXT, l_receiptdate TEXT, "
    "l_shipinstruct TEXT, l_shipmode TEXT, l_comment TEXT, PRIMARY KEY (l_orderkey, "
    "l_linenumber))",
    "CREATE INDEX supplier_nation ON supplier (s_nationkey)",
    "CREATE INDEX partsupp_supplier ON partsupp (ps_suppkey)",
    "CREATE INDEX customer_nation ON customer (c_nationkey)",
    "CREATE INDEX orders_customer ON orders (o_custkey)",
    "CREATE INDEX orders_date ON orders (o_orderdate)",
    "CREATE INDEX lineitem_part ON lineitem (l_partkey, l_suppkey)",
    "CREATE INDEX lineitem_supplier ON lineitem (l_suppkey)",
    "CREATE INDEX lineitem_date ON lineitem (l_shipdate)"};

static void sqlite_run(const char *sql)
{
    char *message = NULL;

    if (sqlite3_exec(sqlite, sql, NULL, NULL, &message) != SQLITE_OK)
        die(sql, message);
}

static void harper_run(const char *sql)
{
    harper_error error;

    if (harper_execute(session, sql, NULL, NULL, &error) != HARPER_OK)
        die(sql, error.message);
}

enum { TABLE_COUNT = 8, BATCH = 5000 };
static const struct {
    const char *name;
    int columns;
} tables[TABLE_COUNT] = {{"region", 3},   {"nation", 4},   {"supplier", 7}, {"part", 9},
                         {"partsupp", 5}, {"customer", 8}, {"orders", 9},   {"lineitem", 16}};
enum { REGION, NATION, SUPPLIER, PART, PARTSUPP, CUSTOMER, ORDERS, LINEITEM };

static sqlite3_stmt *sqlite_inserts[TABLE_COUNT];
static harper_statement *harper_inserts[TABLE_COUNT];
static long inserted;

static void inserts_open(void)
{
    for (int t = 0; t < TABLE_COUNT; t++) {
        char sql[200];
        int at = snprintf(sql, sizeof sql, "INSERT INTO %s VALUES (?", tables[t].name);
        harper_error error;

        for (int k = 1; k < tables[t].columns; k++)
            at += snprintf(sql + at, sizeof sql - (size_t)at, ", ?");
        snprintf(sql + at, sizeof sql - (size_t)at, ")");
        if (sqlite3_prepare_v2(sqlite, sql, -1, &sqlite_inserts[t], NULL) != SQLITE_OK)
            die(sql, sqlite3_errmsg(sqlite));
        if (harper_prepare(session, HARPER_SQL, sql, -1, &harper_inserts[t], NULL, &error) !=
            HARPER_OK)
            die(sql, error.message);
    }
}

static void inserts_close(void)
{
    for (int t = 0; t < TABLE_COUNT; t++) {
        sqlite3_finalize(sqlite_inserts[t]);
        harper_finalize(harper_inserts[t]);
    }
}

static void put_int(int table, int column, long value)
{
    sqlite3_bind_int64(sqlite_inserts[table], column, value);
    harper_bind_int(harper_inserts[table], column, value);
}

static void put_real(int table, int column, double value)
{
    sqlite3_bind_double(sqlite_inserts[table], column, value);
    harper_bind_double(harper_inserts[table], column, value);
}

static void put_text(int table, int column, const char *text)
{
    sqlite3_bind_text(sqlite_inserts[table], column, text, -1, SQLITE_TRANSIENT);
    harper_bind_text(harper_inserts[table], column, text, strlen(text));
}

static void row_end(int table)
{
    if (sqlite3_step(sqlite_inserts[table]) != SQLITE_DONE)
        die(tables[table].name, sqlite3_errmsg(sqlite));
    sqlite3_reset(sqlite_inserts[table]);
    if (harper_step(harper_inserts[table]) != HARPER_DONE)
        die(tables[table].name, harper_session_error(session)->message);
    harper_reset(harper_inserts[table]);
    if (++inserted % BATCH == 0) {
        sqlite_run("COMMIT; BEGIN");
        harper_run("COMMIT");
        harper_run("BEGIN IMMEDIATE");
    }
}

/* ---- the tables ---- */

static long scaled(long count)
{
    long n = (long)((double)count * scale);

    return n < 4 ? 4 : n;
}

static double money(long low_cents, long high_cents)
{
    return (double)draw(low_cents, high_cents) / 100;
}

static double retail_price(long part)
{
    return (double)(90000 + part / 10 % 20001 + 100 * (part % 1000)) / 100;
}

/* The i-th of the four suppliers of a part. */
static long supplier_of(long part, long i)
{
    long suppliers = scaled(10000);

    return (part + i * (suppliers / 4 + (part - 1) / suppliers)) % suppliers + 1;
}

static void put_phone(int table, int column, long nation)
{
    char text[32];

    snprintf(text, sizeof text, "%02ld-%03ld-%03ld-%04ld", nation + 10, draw(100, 999),
             draw(100, 999), draw(1000, 9999));
    put_text(table, column, text);
}

static void load_nations(void)
{
    char text[200];

    for (long i = 0; i < (long)COUNT_OF(regions); i++) {
        put_int(REGION, 1, i);
        put_text(REGION, 2, regions[i]);
        put_text(REGION, 3, sentence(text, sizeof text, 4, 12));
        row_end(REGION);
    }
    for (long i = 0; i < (long)COUNT_OF(nations); i++) {
        put_int(NATION, 1, i);
        put_text(NATION, 2, nations[i].name);
        put_int(NATION, 3, nations[i].region);
        put_text(NATION, 4, sentence(text, sizeof text, 4, 12));
        row_end(NATION);
    }
}

static void load_suppliers(void)
{
    char text[200];

    for (long i = 1; i <= scaled(10000); i++) {
        long nation = draw(0, 24), kind = draw(0, 1999);

        put_int(SUPPLIER, 1, i);
        snprintf(text, sizeof text, "Supplier#%09ld", i);
        put_text(SUPPLIER, 2, text);
        put_text(SUPPLIER, 3, sentence(text, sizeof text, 1, 4));
        put_int(SUPPLIER, 4, nation);
        put_phone(SUPPLIER, 5, nation);
        put_real(SUPPLIER, 6, money(-99999, 999999));
        sentence(text, sizeof text, 4, 10);
        if (kind == 0)
            memcpy(text, "Customer x Complaints", 21);
        else if (kind == 1)
            memcpy(text, "Customer Recommends x", 21);
        put_text(SUPPLIER, 7, text);
        row_end(SUPPLIER);
    }
}

static void load_parts(void)
{
    char text[200];

    for (long i = 1; i <= scaled(200000); i++) {
        long maker = draw(1, 5);

        put_int(PART, 1, i);
        snprintf(text, sizeof text, "%s %s %s %s %s", PICK(colours), PICK(colours), PICK(colours),
                 PICK(colours), PICK(colours));
        put_text(PART, 2, text);
        snprintf(text, sizeof text, "Manufacturer#%ld", maker);
        put_text(PART, 3, text);
        snprintf(text, sizeof text, "Brand#%ld%ld", maker, draw(1, 5));
        put_text(PART, 4, text);
        snprintf(text, sizeof text, "%s %s %s", PICK(type_1), PICK(type_2), PICK(type_3));
        put_text(PART, 5, text);
        put_int(PART, 6, draw(1, 50));
        snprintf(text, sizeof text, "%s %s", PICK(container_1), PICK(container_2));
        put_text(PART, 7, text);
        put_real(PART, 8, retail_price(i));
        put_text(PART, 9, sentence(text, sizeof text, 1, 3));
        row_end(PART);
        for (long k = 0; k < 4; k++) {
            put_int(PARTSUPP, 1, i);
            put_int(PARTSUPP, 2, supplier_of(i, k));
            put_int(PARTSUPP, 3, draw(1, 9999));
            put_real(PARTSUPP, 4, money(100, 100000));
            put_text(PARTSUPP, 5, sentence(text, sizeof text, 6, 20));
            row_end(PARTSUPP);
        }
    }
}

static void load_customers(void)
{
    char text[200];

    for (long i = 1; i <= scaled(150000); i++) {
        long nation = draw(0, 24);

        put_int(CUSTOMER, 1, i);
        snprintf(text, sizeof text, "Customer#%09ld", i);
        put_text(CUSTOMER, 2, text);
        put_text(CUSTOMER, 3, sentence(text, sizeof text, 1, 4));
        put_int(CUSTOMER, 4, nation);
        put_phone(CUSTOMER, 5, nation);
        put_real(CUSTOMER, 6, money(-99999, 999999));
        put_text(CUSTOMER, 7, PICK(segments));
        put_text(CUSTOMER, 8, sentence(text, sizeof text, 5, 14));
        row_end(CUSTOMER);
    }
}

/* One line of an order: its price with tax and discount; *open when it is not yet shipped. */
static double load_line(long order, long number, int day, bool *open)
{
    char text[200];
    long part = draw(1, scaled(200000)), quantity = draw(1, 50);
    int shipped = day + (int)draw(1, 121), received = shipped + (int)draw(1, 30);
    double price = (double)quantity * retail_price(part), discount = (double)draw(0, 10) / 100,
           tax = (double)draw(0, 8) / 100;

    put_int(LINEITEM, 1, order);
    put_int(LINEITEM, 2, part);
    put_int(LINEITEM, 3, supplier_of(part, draw(0, 3)));
    put_int(LINEITEM, 4, number);
    put_real(LINEITEM, 5, (double)quantity);
    put_real(LINEITEM, 6, price);
    put_real(LINEITEM, 7, discount);
    put_real(LINEITEM, 8, tax);
    put_text(LINEITEM, 9, received > TODAY ? "N" : draw(0, 1) == 0 ? "R" : "A");
    put_text(LINEITEM, 10, shipped > TODAY ? "O" : "F");
    put_text(LINEITEM, 11, date_text(shipped, text));
    put_text(LINEITEM, 12, date_text(day + (int)draw(30, 90), text));
    put_text(LINEITEM, 13, date_text(received, text));
    put_text(LINEITEM, 14, PICK(instructions));
    put_text(LINEITEM, 15, PICK(modes));
    put_text(LINEITEM, 16, sentence(text, sizeof text, 2, 6));
    row_end(LINEITEM);
    *open = shipped > TODAY;
    return price * (1 + tax) * (1 - discount);
}

static void load_orders(void)
{
    char text[200];
    long customers = scaled(150000);

    for (long i = 0; i < scaled(1500000); i++) {
        long key = i / 8 * 32 + i % 8 + 1, customer = draw(1, customers), lines = draw(1, 7);
        int day = (int)draw(0, ORDER_DAYS - 1), open_lines = 0;
        double total = 0;

        while (customer % 3 == 0) /* a third of the customers never orders */
            customer = draw(1, customers);
        for (long k = 1; k <= lines; k++) {
            bool open;

            total += load_line(key, k, day, &open);
            open_lines += open;
        }
        put_int(ORDERS, 1, key);
        put_int(ORDERS, 2, customer);
        put_text(ORDERS, 3, open_lines == 0 ? "F" : open_lines == lines ? "O" : "P");
        put_real(ORDERS, 4, round(total * 100) / 100);
        put_text(ORDERS, 5, date_text(day, text));
        put_text(ORDERS, 6, PICK(priorities));
        snprintf(text, sizeof text, "Clerk#%09ld", draw(1, scaled(1000)));
        put_text(ORDERS, 7, text);
        put_int(ORDERS, 8, 0);
        put_text(ORDERS, 9, sentence(text, sizeof text, 4, 11));
        row_end(ORDERS);
    }
}

static void load(void)
{
    for (size_t k = 0; k < COUNT_OF(schema); k++) {
        sqlite_run(schema[k]);
        harper_run(schema[k]);
    }
    sqlite_run("BEGIN");
    harper_run("BEGIN IMMEDIATE");
    inserts_open();
    load_nations();
    load_suppliers();
    load_parts();
    load_customers();
    load_orders();
    inserts_close();
    sqlite_run("COMMIT; ANALYZE");
    harper_run("COMMIT");
    harper_run("ANALYZE");
}

/* ---- the questions ---- */

static const char *const queries[] = {
    /* 1 */
    "SELECT l_returnflag, l_linestatus, sum(l_quantity) AS sum_qty, sum(l_extendedprice) AS "
    "sum_base_price, sum(l_extendedprice * (1 - l_discount)) AS sum_disc_price, "
    "sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) AS sum_charge, avg(l_quantity) AS "
    "avg_qty, avg(l_extendedprice) AS avg_price, avg(l_discount) AS avg_disc, count(*) AS "
    "count_order FROM lineitem WHERE l_shipdate <= '1998-09-02' GROUP BY l_returnflag, "
    "l_linestatus ORDER BY l_returnflag, l_linestatus",
    /* 2 */
    "SELECT s_acctbal, s_name, n_name, p_partkey, p_mfgr, s_address, s_phone, s_comment FROM part, "
    "supplier, partsupp, nation, region WHERE p_partkey = ps_partkey AND s_suppkey = ps_suppkey "
    "AND p_size = 15 AND p_type LIKE '%BRASS' AND s_nationkey = n_nationkey AND n_regionkey = "
    "r_regionkey AND r_name = 'EUROPE' AND ps_supplycost = (SELECT min(ps_supplycost) FROM "
    "partsupp, supplier, nation, region WHERE p_partkey = ps_partkey AND s_suppkey = ps_suppkey "
    "AND s_nationkey = n_nationkey AND n_regionkey = r_regionkey AND r_name = 'EUROPE') ORDER BY "
    "s_acctbal DESC, n_name, s_name, p_partkey LIMIT 100",
    /* 3 */
    "SELECT l_orderkey, sum(l_extendedprice * (1 - l_discount)) AS revenue, o_orderdate, "
    "o_shippriority FROM customer, orders, lineitem WHERE c_mktsegment = 'BUILDING' AND c_custkey "
    "= o_custkey AND l_orderkey = o_orderkey AND o_orderdate < '1995-03-15' AND l_shipdate > "
    "'1995-03-15' GROUP BY l_orderkey, o_orderdate, o_shippriority ORDER BY revenue DESC, "
    "o_orderdate LIMIT 10",
    /* 4 */
    "SELECT o_orderpriority, count(*) AS order_count FROM orders WHERE o_orderdate >= '1993-07-01' "
    "AND o_orderdate < '1993-10-01' AND EXISTS (SELECT * FROM lineitem WHERE l_orderkey = "
    "o_orderkey AND l_commitdate < l_receiptdate) GROUP BY o_orderpriority ORDER BY "
    "o_orderpriority",
    /* 5 */
    "SELECT n_name, sum(l_extendedprice * (1 - l_discount)) AS revenue FROM customer, orders, "
    "lineitem, supplier, nation, region WHERE c_custkey = o_custkey AND l_orderkey = o_orderkey "
    "AND l_suppkey = s_suppkey AND c_nationkey = s_nationkey AND s_nationkey = n_nationkey AND "
    "n_regionkey = r_regionkey AND r_name = 'ASIA' AND o_orderdate >= '1994-01-01' AND o_orderdate "
    "< '1995-01-01' GROUP BY n_name ORDER BY revenue DESC",
    /* 6 */
    "SELECT sum(l_extendedprice * l_discount) AS revenue FROM lineitem WHERE l_shipdate >= "
    "'1994-01-01' AND l_shipdate < '1995-01-01' AND l_discount BETWEEN 0.05 AND 0.07 AND "
    "l_quantity < 24",
    /* 7 */
    "SELECT supp_nation, cust_nation, l_year, sum(volume) AS revenue FROM (SELECT n1.n_name AS "
    "supp_nation, n2.n_name AS cust_nation, substr(l_shipdate, 1, 4) AS l_year, l_extendedprice * "
    "(1 - l_discount) AS volume FROM supplier, lineitem, orders, customer, nation n1, nation n2 "
    "WHERE s_suppkey = l_suppkey AND o_orderkey = l_orderkey AND c_custkey = o_custkey AND "
    "s_nationkey = n1.n_nationkey AND c_nationkey = n2.n_nationkey AND ((n1.n_name = 'FRANCE' AND "
    "n2.n_name = 'GERMANY') OR (n1.n_name = 'GERMANY' AND n2.n_name = 'FRANCE')) AND l_shipdate "
    "BETWEEN '1995-01-01' AND '1996-12-31') AS shipping GROUP BY supp_nation, cust_nation, l_year "
    "ORDER BY supp_nation, cust_nation, l_year",
    /* 8 */
    "SELECT o_year, sum(CASE WHEN nation = 'BRAZIL' THEN volume ELSE 0 END) / sum(volume) AS "
    "mkt_share FROM (SELECT substr(o_orderdate, 1, 4) AS o_year, l_extendedprice * (1 - "
    "l_discount) AS volume, n2.n_name AS nation FROM part, supplier, lineitem, orders, customer, "
    "nation n1, nation n2, region WHERE p_partkey = l_partkey AND s_suppkey = l_suppkey AND "
    "l_orderkey = o_orderkey AND o_custkey = c_custkey AND c_nationkey = n1.n_nationkey AND "
    "n1.n_regionkey = r_regionkey AND r_name = 'AMERICA' AND s_nationkey = n2.n_nationkey AND "
    "o_orderdate BETWEEN '1995-01-01' AND '1996-12-31' AND p_type = 'ECONOMY ANODIZED STEEL') AS "
    "all_nations GROUP BY o_year ORDER BY o_year",
    /* 9 */
    "SELECT nation, o_year, sum(amount) AS sum_profit FROM (SELECT n_name AS nation, "
    "substr(o_orderdate, 1, 4) AS o_year, l_extendedprice * (1 - l_discount) - ps_supplycost * "
    "l_quantity AS amount FROM part, supplier, lineitem, partsupp, orders, nation WHERE s_suppkey "
    "= l_suppkey AND ps_suppkey = l_suppkey AND ps_partkey = l_partkey AND p_partkey = l_partkey "
    "AND o_orderkey = l_orderkey AND s_nationkey = n_nationkey AND p_name LIKE '%green%') AS "
    "profit GROUP BY nation, o_year ORDER BY nation, o_year DESC",
    /* 10 */
    "SELECT c_custkey, c_name, sum(l_extendedprice * (1 - l_discount)) AS revenue, c_acctbal, "
    "n_name, c_address, c_phone, c_comment FROM customer, orders, lineitem, nation WHERE c_custkey "
    "= o_custkey AND l_orderkey = o_orderkey AND o_orderdate >= '1993-10-01' AND o_orderdate < "
    "'1994-01-01' AND l_returnflag = 'R' AND c_nationkey = n_nationkey GROUP BY c_custkey, c_name, "
    "c_acctbal, c_phone, n_name, c_address, c_comment ORDER BY revenue DESC LIMIT 20",
    /* 11 */
    "SELECT ps_partkey, sum(ps_supplycost * ps_availqty) AS value FROM partsupp, supplier, nation "
    "WHERE ps_suppkey = s_suppkey AND s_nationkey = n_nationkey AND n_name = 'GERMANY' GROUP BY "
    "ps_partkey HAVING sum(ps_supplycost * ps_availqty) > (SELECT sum(ps_supplycost * ps_availqty) "
    "* 0.001 FROM partsupp, supplier, nation WHERE ps_suppkey = s_suppkey AND s_nationkey = "
    "n_nationkey AND n_name = 'GERMANY') ORDER BY value DESC, ps_partkey",
    /* 12 */
    "SELECT l_shipmode, sum(CASE WHEN o_orderpriority = '1-URGENT' OR o_orderpriority = '2-HIGH' "
    "THEN 1 ELSE 0 END) AS high_line_count, sum(CASE WHEN o_orderpriority <> '1-URGENT' AND "
    "o_orderpriority <> '2-HIGH' THEN 1 ELSE 0 END) AS low_line_count FROM orders, lineitem WHERE "
    "o_orderkey = l_orderkey AND l_shipmode IN ('MAIL', 'SHIP') AND l_commitdate < l_receiptdate "
    "AND l_shipdate < l_commitdate AND l_receiptdate >= '1994-01-01' AND l_receiptdate < "
    "'1995-01-01' GROUP BY l_shipmode ORDER BY l_shipmode",
    /* 13 */
    "SELECT c_count, count(*) AS custdist FROM (SELECT c_custkey, count(o_orderkey) AS c_count "
    "FROM customer LEFT OUTER JOIN orders ON c_custkey = o_custkey AND o_comment NOT LIKE "
    "'%special%requests%' GROUP BY c_custkey) AS c_orders GROUP BY c_count ORDER BY custdist DESC, "
    "c_count DESC",
    /* 14 */
    "SELECT 100.00 * sum(CASE WHEN p_type LIKE 'PROMO%' THEN l_extendedprice * (1 - l_discount) "
    "ELSE 0 END) / sum(l_extendedprice * (1 - l_discount)) AS promo_revenue FROM lineitem, part "
    "WHERE l_partkey = p_partkey AND l_shipdate >= '1995-09-01' AND l_shipdate < '1995-10-01'",
    /* 15 */
    "WITH revenue (supplier_no, total_revenue) AS (SELECT l_suppkey, sum(l_extendedprice * (1 - "
    "l_discount)) FROM lineitem WHERE l_shipdate >= '1996-01-01' AND l_shipdate < '1996-04-01' "
    "GROUP BY l_suppkey) SELECT s_suppkey, s_name, s_address, s_phone, total_revenue FROM "
    "supplier, revenue WHERE s_suppkey = supplier_no AND total_revenue = (SELECT "
    "max(total_revenue) FROM revenue) ORDER BY s_suppkey",
    /* 16 */
    "SELECT p_brand, p_type, p_size, count(DISTINCT ps_suppkey) AS supplier_cnt FROM partsupp, "
    "part WHERE p_partkey = ps_partkey AND p_brand <> 'Brand#45' AND p_type NOT LIKE 'MEDIUM "
    "POLISHED%' AND p_size IN (49, 14, 23, 45, 19, 3, 36, 9) AND ps_suppkey NOT IN (SELECT "
    "s_suppkey FROM supplier WHERE s_comment LIKE '%Customer%Complaints%') GROUP BY p_brand, "
    "p_type, p_size ORDER BY supplier_cnt DESC, p_brand, p_type, p_size",
    /* 17 */
    "SELECT sum(l_extendedprice) / 7.0 AS avg_yearly FROM lineitem, part WHERE p_partkey = "
    "l_partkey AND p_brand = 'Brand#23' AND p_container = 'MED BOX' AND l_quantity < (SELECT 0.2 * "
    "avg(l_quantity) FROM lineitem WHERE l_partkey = p_partkey)",
    /* 18 */
    "SELECT c_name, c_custkey, o_orderkey, o_orderdate, o_totalprice, sum(l_quantity) FROM "
    "customer, orders, lineitem WHERE o_orderkey IN (SELECT l_orderkey FROM lineitem GROUP BY "
    "l_orderkey HAVING sum(l_quantity) > 300) AND c_custkey = o_custkey AND o_orderkey = "
    "l_orderkey GROUP BY c_name, c_custkey, o_orderkey, o_orderdate, o_totalprice ORDER BY "
    "o_totalprice DESC, o_orderdate LIMIT 100",
    /* 19 */
    "SELECT sum(l_extendedprice * (1 - l_discount)) AS revenue FROM lineitem, part WHERE "
    "(p_partkey = l_partkey AND p_brand = 'Brand#12' AND p_container IN ('SM CASE', 'SM BOX', 'SM "
    "PACK', 'SM PKG') AND l_quantity >= 1 AND l_quantity <= 11 AND p_size BETWEEN 1 AND 5 AND "
    "l_shipmode IN ('AIR', 'REG AIR') AND l_shipinstruct = 'DELIVER IN PERSON') OR (p_partkey = "
    "l_partkey AND p_brand = 'Brand#23' AND p_container IN ('MED BAG', 'MED BOX', 'MED PKG', 'MED "
    "PACK') AND l_quantity >= 10 AND l_quantity <= 20 AND p_size BETWEEN 1 AND 10 AND l_shipmode "
    "IN ('AIR', 'REG AIR') AND l_shipinstruct = 'DELIVER IN PERSON') OR (p_partkey = l_partkey AND "
    "p_brand = 'Brand#34' AND p_container IN ('LG CASE', 'LG BOX', 'LG PACK', 'LG PKG') AND "
    "l_quantity >= 20 AND l_quantity <= 30 AND p_size BETWEEN 1 AND 15 AND l_shipmode IN ('AIR', "
    "'REG AIR') AND l_shipinstruct = 'DELIVER IN PERSON')",
    /* 20 */
    "SELECT s_name, s_address FROM supplier, nation WHERE s_suppkey IN (SELECT ps_suppkey FROM "
    "partsupp WHERE ps_partkey IN (SELECT p_partkey FROM part WHERE p_name LIKE 'forest%') AND "
    "ps_availqty > (SELECT 0.5 * sum(l_quantity) FROM lineitem WHERE l_partkey = ps_partkey AND "
    "l_suppkey = ps_suppkey AND l_shipdate >= '1994-01-01' AND l_shipdate < '1995-01-01')) AND "
    "s_nationkey = n_nationkey AND n_name = 'CANADA' ORDER BY s_name",
    /* 21 */
    "SELECT s_name, count(*) AS numwait FROM supplier, lineitem l1, orders, nation WHERE s_suppkey "
    "= l1.l_suppkey AND o_orderkey = l1.l_orderkey AND o_orderstatus = 'F' AND l1.l_receiptdate > "
    "l1.l_commitdate AND EXISTS (SELECT * FROM lineitem l2 WHERE l2.l_orderkey = l1.l_orderkey AND "
    "l2.l_suppkey <> l1.l_suppkey) AND NOT EXISTS (SELECT * FROM lineitem l3 WHERE l3.l_orderkey = "
    "l1.l_orderkey AND l3.l_suppkey <> l1.l_suppkey AND l3.l_receiptdate > l3.l_commitdate) AND "
    "s_nationkey = n_nationkey AND n_name = 'SAUDI ARABIA' GROUP BY s_name ORDER BY numwait DESC, "
    "s_name LIMIT 100",
    /* 22 */
    "SELECT cntrycode, count(*) AS numcust, sum(c_acctbal) AS totacctbal FROM (SELECT "
    "substr(c_phone, 1, 2) AS cntrycode, c_acctbal FROM customer WHERE substr(c_phone, 1, 2) IN "
    "('13', '31', '23', '29', '30', '18', '17') AND c_acctbal > (SELECT avg(c_acctbal) FROM "
    "customer WHERE c_acctbal > 0.00 AND substr(c_phone, 1, 2) IN ('13', '31', '23', '29', '30', "
    "'18', '17')) AND NOT EXISTS (SELECT * FROM orders WHERE o_custkey = c_custkey)) AS custsale "
    "GROUP BY cntrycode ORDER BY cntrycode"};

/* ---- results: a list of cells, so that neither engine waits for the other ---- */

struct cell {
    char kind; /* 'n', 'r', 't' */
    double number;
    char *text;
};

struct result {
    size_t count, capacity;
    struct cell *cells;
    long rows;
    double ms;
};

static struct cell *cell_add(struct result *result)
{
    if (result->count == result->capacity) {
        result->capacity = result->capacity == 0 ? 256 : result->capacity * 2;
        result->cells = realloc(result->cells, result->capacity * sizeof *result->cells);
        if (result->cells == NULL)
            die("result", "no memory");
    }
    result->cells[result->count] = (struct cell){'n', 0, NULL};
    return &result->cells[result->count++];
}

static void result_free(struct result *result)
{
    for (size_t i = 0; i < result->count; i++)
        free(result->cells[i].text);
    free(result->cells);
}

static void ask_sqlite(const char *sql, struct result *out)
{
    sqlite3_stmt *statement;
    double start = now_ms();
    int st;

    *out = (struct result){0};
    if (sqlite3_prepare_v2(sqlite, sql, -1, &statement, NULL) != SQLITE_OK)
        die(sql, sqlite3_errmsg(sqlite));
    while ((st = sqlite3_step(statement)) == SQLITE_ROW) {
        for (int k = 0; k < sqlite3_column_count(statement); k++) {
            struct cell *cell = cell_add(out);
            int type = sqlite3_column_type(statement, k);

            if (type == SQLITE_INTEGER || type == SQLITE_FLOAT) {
                cell->kind = 'r';
                cell->number = sqlite3_column_double(statement, k);
            } else if (type == SQLITE_TEXT) {
                cell->kind = 't';
                cell->text = strdup((const char *)sqlite3_column_text(statement, k));
            }
        }
        out->rows++;
    }
    if (st != SQLITE_DONE)
        die(sql, sqlite3_errmsg(sqlite));
    sqlite3_finalize(statement);
    out->ms = now_ms() - start;
}

static void ask_harper(const char *sql, struct result *out)
{
    harper_statement *statement;
    harper_error error;
    double start = now_ms();
    int st;

    *out = (struct result){0};
    if (harper_prepare(session, HARPER_SQL, sql, -1, &statement, NULL, &error) != HARPER_OK)
        die(sql, error.message);
    while ((st = harper_step(statement)) == HARPER_ROW) {
        for (int k = 0; k < harper_column_count(statement); k++) {
            struct cell *cell = cell_add(out);
            int type = harper_column_type(statement, k);

            if (type == HARPER_INT || type == HARPER_DOUBLE) {
                cell->kind = 'r';
                cell->number = harper_column_double(statement, k);
            } else if (type == HARPER_TEXT) {
                cell->kind = 't';
                cell->text = strdup(harper_column_text(statement, k, NULL));
            }
        }
        out->rows++;
    }
    if (st != HARPER_DONE)
        die(sql, harper_session_error(session)->message);
    harper_finalize(statement);
    out->ms = now_ms() - start;
}

static void show_plan(const char *sql)
{
    char text[4000];
    harper_statement *statement;
    harper_error error;

    snprintf(text, sizeof text, "EXPLAIN PLAN %s", sql);
    if (harper_prepare(session, HARPER_SQL, text, -1, &statement, NULL, &error) != HARPER_OK)
        die(text, error.message);
    while (harper_step(statement) == HARPER_ROW)
        printf("    %s\n", harper_column_text(statement, 0, NULL));
    harper_finalize(statement);
    snprintf(text, sizeof text, "EXPLAIN QUERY PLAN %s", sql);
    {
        sqlite3_stmt *theirs;

        if (sqlite3_prepare_v2(sqlite, text, -1, &theirs, NULL) != SQLITE_OK)
            die(text, sqlite3_errmsg(sqlite));
        while (sqlite3_step(theirs) == SQLITE_ROW)
            printf("    sqlite: %s\n", (const char *)sqlite3_column_text(theirs, 3));
        sqlite3_finalize(theirs);
    }
}

static bool cells_equal(const struct cell *a, const struct cell *b)
{
    double size = fabs(a->number) > fabs(b->number) ? fabs(a->number) : fabs(b->number);

    if (a->kind != b->kind)
        return false;
    if (a->kind == 't')
        return strcmp(a->text, b->text) == 0;
    return fabs(a->number - b->number) <= 1e-6 * size + 1e-9;
}

static bool results_equal(const struct result *a, const struct result *b)
{
    if (a->rows != b->rows || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!cells_equal(&a->cells[i], &b->cells[i]))
            return false;
    }
    return true;
}

/* Ask both, `repeats` times; adds the logarithm of the ratio. */
static bool compare(int number, double *logs)
{
    const char *sql = queries[number - 1];
    double theirs_ms = 0, ours_ms = 0, ratio;
    long rows = 0;
    bool equal = true;

    if (shows_plan)
        show_plan(sql);
    for (int k = 0; k < repeats; k++) {
        struct result theirs, ours;

        ask_sqlite(sql, &theirs);
        ask_harper(sql, &ours);
        equal &= results_equal(&theirs, &ours);
        rows = theirs.rows;
        theirs_ms = k == 0 || theirs.ms < theirs_ms ? theirs.ms : theirs_ms;
        ours_ms = k == 0 || ours.ms < ours_ms ? ours.ms : ours_ms;
        result_free(&theirs);
        result_free(&ours);
    }
    ratio = theirs_ms / ours_ms;
    *logs += log(ratio);
    printf("Q%-3d %6ld rows %12.2f ms %12.2f ms %8.2f%s\n", number, rows, theirs_ms, ours_ms, ratio,
           equal ? "" : "  DIFFERENT RESULTS");
    fflush(stdout);
    return equal;
}

/* ---- opening, arguments ---- */

static void remove_databases(void)
{
    char command[2200];

    snprintf(command, sizeof command, "rm -rf '%s' '%s-wal' '%s-shm' '%s'", sqlite_path,
             sqlite_path, sqlite_path, harper_path_text);
    if (system(command) != 0)
        die("rm", harper_path_text);
}

static void open_both(void)
{
    harper_options options = {
        .size = sizeof options, .backend = backend, .cache_bytes = 1ull << 30};
    harper_error error;

    snprintf(sqlite_path, sizeof sqlite_path, "%s/tpch-%d.sqlite", directory, (int)getpid());
    snprintf(harper_path_text, sizeof harper_path_text, "%s/tpch-%d.harper", directory,
             (int)getpid());
    remove_databases();
    if (sqlite3_open(sqlite_path, &sqlite) != SQLITE_OK)
        die("open", sqlite_path);
    sqlite_run("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA cache_size=-1000000");
    if (harper_open(strcmp(backend, "memory") == 0 ? ":memory:" : harper_path_text, &options, &db,
                    &error) != HARPER_OK ||
        harper_session_open(db, &session, &error) != HARPER_OK)
        die("open", error.message);
}

static void read_arguments(int argc, char **argv)
{
    for (int k = 1; k < argc; k++) {
        if (strcmp(argv[k], "--plan") == 0)
            shows_plan = true;
        else if (k + 1 >= argc)
            die(argv[k], "needs a value");
        else if (strcmp(argv[k], "--scale") == 0)
            scale = atof(argv[++k]);
        else if (strcmp(argv[k], "--backend") == 0)
            backend = argv[++k];
        else if (strcmp(argv[k], "--only") == 0)
            only = atoi(argv[++k]);
        else if (strcmp(argv[k], "--repeat") == 0)
            repeats = atoi(argv[++k]);
        else if (strcmp(argv[k], "--dir") == 0)
            directory = argv[++k];
        else
            die(argv[k], "unknown option");
    }
    if (scale <= 0 || scale > 100 || repeats < 1 || only < 0 || only > (int)COUNT_OF(queries))
        die("arguments", "out of range");
}

int main(int argc, char **argv)
{
    double logs = 0, start;
    int asked = 0, different = 0;

    read_arguments(argc, argv);
    open_both();
    start = now_ms();
    load();
    printf("scale %g, %s beside SQLite %s, loaded in %.1f s\n", scale, backend,
           sqlite3_libversion(), (now_ms() - start) / 1000);
    printf("%-17s %12s %15s %11s\n", "query", "sqlite", "harper", "ratio");
    for (int n = 1; n <= (int)COUNT_OF(queries); n++) {
        if (only != 0 && n != only)
            continue;
        different += !compare(n, &logs);
        asked++;
    }
    printf("geometric mean %.2f, %d different\n", exp(logs / asked), different);
    sqlite3_close(sqlite);
    harper_session_close(session);
    harper_close(db);
    remove_databases();
    return different > 0;
}
