-- Figures that only people know are kept beside what was measured: who said what, when and why. One row for each saying, by its entry.
alter table entente.fitness_record drop constraint fitness_record_kind_check;
alter table entente.fitness_record add constraint fitness_record_kind_check check (kind in ('incident', 'review', 'week', 'said'));
