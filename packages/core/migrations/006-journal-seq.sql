-- A number now stands for a block of rows: a statement takes one for all it appends and numbers them itself, so that the
-- writer knows where its entries stand without having them sent back. Rows number 1..4095 of their block.
alter sequence entente.journal_seq increment by 4096;
