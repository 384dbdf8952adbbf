-- The accounts, and the transaction numbers that were credited already.
CREATE TABLE account_info (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    account_name VARCHAR(100) NOT NULL,
    account_no VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    account_password VARCHAR(100) NOT NULL,
    account_balance DECIMAL(65,2) NOT NULL,
    UNIQUE KEY uk_account_no (account_no)
);

CREATE TABLE de_duplication (
    tx_no VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
    create_time DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);
