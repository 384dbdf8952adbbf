-- The payments that pay recorded. `result` is success, fail, or aborted (a payment that was never
-- recorded and never will be: see the README on check-backs).
CREATE TABLE account_pay (
    id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
    account_no VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    pay_amount DECIMAL(65,2) NOT NULL,
    result VARCHAR(16) NOT NULL
);
