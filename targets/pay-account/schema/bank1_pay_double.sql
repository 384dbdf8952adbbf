-- As bank1_pay.sql, with amounts in binary floating point.
CREATE TABLE account_pay (
    id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
    account_no VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    pay_amount DOUBLE NOT NULL,
    result VARCHAR(16) NOT NULL
);
