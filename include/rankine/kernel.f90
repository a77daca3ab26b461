! Rankine: the interface for authors of kernels in Fortran 2008. To be compiled together with the kernel; nothing to link.
!
!     module k_mine
!       use, intrinsic :: iso_c_binding
!       use rankine
!       implicit none
!       private
!
!       type, bind(C) :: params
!         real(c_double) :: a, b
!       end type
!       type, bind(C) :: result
!         real(c_double) :: y
!       end type
!       type(rk_description), target, save :: about
!
!     contains
!
!       function run(task, p, r) bind(C) result(status)
!         type(rk_task), intent(inout) :: task
!         type(params), intent(in) :: p
!         type(result), intent(inout) :: r
!         integer(c_int) :: status
!         status = RK_OK
!         if (p%a < 0) status = rk_task_fail(task, 1, "a=" // rk_text(p%a) // ": a side is not negative")
!         r%y = p%a * p%b
!       end function
!
!       function entry() bind(C, name="rankine_kernel") result(kernel)
!         type(c_ptr) :: kernel
!         type(params), target :: p
!         type(result), target :: r
!         call about%begin("mine", c_loc(p), c_sizeof(p), c_loc(r), c_sizeof(r), summary="a times b", version="1", &
!                          deterministic=.true.)
!         about%c%run = c_funloc(run)
!         call about%param(rk_field(p%a), "a", "1", "m", "first side")
!         call about%param(rk_field(p%b), "b", "1", "m", "second side")
!         call about%output(rk_field(r%y), "y", "m2", "area")
!         call about%reduction("y_max", RK_MAX, "y")
!         kernel = c_loc(about%c)
!       end function
!
!     end module
!
! What each thing means is told in <rankine/kernel.h>, whose structs the types below are, field by field; the size of the
! description is compared when the kernel is loaded. p and r in entry() are looked at for the addresses and types of their
! components only. Outputs and reductions are numbered from 0, as they are described. Integers of Fortran are signed: the
! types are RK_I8 to RK_I64. A kernel must not stop the program: it returns rk_task_fail(...).
module rankine
  use, intrinsic :: iso_c_binding
  implicit none
  private

  integer(c_int), parameter, public :: RK_OK = 0
  integer(c_int32_t), parameter, public :: RK_KERNEL_MAGIC = int(z'4b4e4b52', c_int32_t), RK_KERNEL_ABI = 3
  integer, parameter, public :: RK_PARAMS_MAX = 48, RK_OUTPUTS_MAX = 32, RK_REDUCTIONS_MAX = 32, RK_DIMS_MAX = 4

  ! rk_type
  enum, bind(C)
    enumerator :: RK_I8 = 1, RK_U8, RK_I16, RK_U16, RK_I32, RK_U32, RK_I64, RK_U64, RK_F32, RK_F64, RK_BOOL, &
                  RK_STRING, RK_ENUM, RK_INPUT
  end enum
  public :: RK_I8, RK_U8, RK_I16, RK_U16, RK_I32, RK_U32, RK_I64, RK_U64, RK_F32, RK_F64, RK_BOOL, RK_STRING, RK_ENUM, &
            RK_INPUT

  ! rk_op
  enum, bind(C)
    enumerator :: RK_COUNT = 1, RK_SUM, RK_MEAN, RK_VARIANCE, RK_MIN, RK_MAX, RK_ARGMIN, RK_ARGMAX, RK_HISTOGRAM, &
                  RK_TOPK, RK_CUSTOM
  end enum
  public :: RK_COUNT, RK_SUM, RK_MEAN, RK_VARIANCE, RK_MIN, RK_MAX, RK_ARGMIN, RK_ARGMAX, RK_HISTOGRAM, RK_TOPK, RK_CUSTOM

  ! ---- the structs of <rankine/kernel.h> ----

  type, bind(C), public :: rk_input_row ! rk_input: one task's share of an input; c_f_pointer(row%values, x, [row%count])
    type(c_ptr) :: values = c_null_ptr
    integer(c_int64_t) :: count = 0
    type(c_ptr) :: missing = c_null_ptr
    integer(c_int64_t) :: missing_count = 0
  end type

  type, bind(C), public :: rk_param
    type(c_ptr) :: name = c_null_ptr
    integer(c_size_t) :: offset = 0, size = 0
    integer(c_int) :: type = 0
    type(c_ptr) :: preset = c_null_ptr, unit = c_null_ptr, help = c_null_ptr, choices = c_null_ptr
    logical(c_bool) :: fixed = .false.
  end type

  type, bind(C), public :: rk_output
    type(c_ptr) :: name = c_null_ptr
    integer(c_size_t) :: offset = 0, size = 0
    logical(c_bool) :: is_row = .false.
    integer(c_int) :: type = 0
    type(c_ptr) :: unit = c_null_ptr, help = c_null_ptr
    type(c_ptr) :: shape(RK_DIMS_MAX) = c_null_ptr
    type(c_ptr) :: fill = c_null_ptr
    logical(c_bool) :: drop = .false., varying = .false., always = .false., measured = .false.
  end type

  type, bind(C), public :: rk_reduction
    type(c_ptr) :: name = c_null_ptr
    integer(c_int) :: op = 0
    type(c_ptr) :: output = c_null_ptr, unit = c_null_ptr, help = c_null_ptr
    type(c_ptr) :: lo = c_null_ptr, hi = c_null_ptr, bins = c_null_ptr
    integer(c_size_t) :: state_bytes = 0
    type(c_funptr) :: merge = c_null_funptr, finish = c_null_funptr
    integer(c_int64_t) :: values = 0
  end type

  type, bind(C), public :: rk_kernel
    integer(c_int32_t) :: magic = RK_KERNEL_MAGIC, abi = RK_KERNEL_ABI
    integer(c_int64_t) :: size = 0
    type(c_ptr) :: name = c_null_ptr, summary = c_null_ptr, version = c_null_ptr
    logical(c_bool) :: deterministic = .false.
    integer(c_size_t) :: params_size = 0, result_size = 0
    type(rk_param) :: params(RK_PARAMS_MAX)
    type(rk_output) :: outputs(RK_OUTPUTS_MAX)
    type(rk_reduction) :: reduce(RK_REDUCTIONS_MAX)
    type(c_funptr) :: plan = c_null_funptr, run = c_null_funptr, run_batch = c_null_funptr
    logical(c_bool) :: thread_safe = .false.
    type(c_ptr) :: ranks = c_null_ptr
    logical(c_bool) :: own_processes = .false.
    type(c_funptr) :: at_end = c_null_funptr
  end type

  type, bind(C), public :: rk_task
    integer(c_int64_t) :: index, plan_index, input_index, replicate, seed, last_axis
    type(c_ptr) :: api, host, place, team
    integer(c_int) :: team_rank, team_size
    integer(c_int32_t) :: attempt
  end type

  type, bind(C), public :: rk_place ! c_f_pointer(task%place, place)
    integer(c_int) :: rank, ranks, node, node_rank, thread, cores
    type(c_ptr) :: core_list
    integer(c_int) :: gpu
    type(c_ptr) :: kernel_at
    real(c_double) :: task_seconds
  end type

  type, bind(C), public :: rk_plan
    type(c_ptr) :: api, host
  end type

  type, bind(C) :: rk_task_api
    integer(c_int32_t) :: size
    type(c_funptr) :: random, accumulate, state, fail, exact_sum, emit, fail_text
  end type

  type, bind(C) :: rk_plan_api
    integer(c_int32_t) :: size
    type(c_funptr) :: axis, dimension, fail, fail_text
  end type

  ! ---- the description: rk_field(p%...) is where a component is and which type it has ----

  type, public :: rk_place_of_field
    private
    integer(c_intptr_t) :: at = 0
    integer(c_size_t) :: bytes = 0
    integer(c_int) :: type = 0
  end type

  ! `c` is what Rankine reads, the rest helps to fill it in.
  type, public :: rk_description
    type(rk_kernel) :: c
    integer(c_intptr_t), private :: params_at = 0, result_at = 0
    integer, private :: params = 0, outputs = 0, reductions = 0
  contains
    procedure :: begin
    procedure :: param
    procedure :: output
    procedure :: row
    procedure :: varying
    procedure :: reduction
    procedure :: reduction_by
  end type

  ! ---- a task's random stream: Philox, the same numbers as in C; see rk_random ----

  type, public :: rk_random
    private
    integer(c_int64_t) :: key(2) = 0, counter(4) = 0, buffer(4) = 0
    integer :: left = 0
    type(c_funptr) :: draw = c_null_funptr
  end type

  interface rk_field
    module procedure field_f64, field_f32, field_i8, field_i16, field_i32, field_i64, field_bool, field_string, field_input
  end interface
  interface rk_emit
    module procedure emit_f64, emit_f32, emit_i8, emit_i16, emit_i32, emit_i64, emit_text
  end interface
  interface rk_text
    module procedure text_of_string, text_of_f64, text_of_i32, text_of_i64
  end interface
  public :: rk_field, rk_task_fail, rk_emit, rk_accumulate, rk_task_state, rk_exact_sum, rk_text
  public :: rk_plan_axis, rk_plan_dimension, rk_plan_fail
  public :: rk_random_stream, rk_random_u64, rk_random_f64, rk_random_below

  abstract interface
    subroutine random_fn(key, counter, out) bind(C)
      import :: c_int64_t
      integer(c_int64_t), intent(in) :: key(2), counter(4)
      integer(c_int64_t), intent(out) :: out(4)
    end subroutine
    subroutine accumulate_fn(task, reduction, values, count, first_index) bind(C)
      import :: rk_task, c_int32_t, c_int64_t, c_ptr
      type(rk_task), intent(inout) :: task
      integer(c_int32_t), value :: reduction
      type(c_ptr), value :: values
      integer(c_int64_t), value :: count, first_index
    end subroutine
    function state_fn(task, reduction) bind(C) result(state)
      import :: rk_task, c_int32_t, c_ptr
      type(rk_task), intent(inout) :: task
      integer(c_int32_t), value :: reduction
      type(c_ptr) :: state
    end function
    function exact_sum_fn(values, count) bind(C) result(total)
      import :: c_ptr, c_int64_t, c_double
      type(c_ptr), value :: values
      integer(c_int64_t), value :: count
      real(c_double) :: total
    end function
    function emit_fn(task, output, values, count) bind(C) result(status)
      import :: rk_task, c_int, c_int32_t, c_int64_t, c_ptr
      type(rk_task), intent(inout) :: task
      integer(c_int32_t), value :: output
      type(c_ptr), value :: values
      integer(c_int64_t), value :: count
      integer(c_int) :: status
    end function
    function fail_text_fn(task, code, text) bind(C) result(status)
      import :: rk_task, c_int, c_char
      type(rk_task), intent(inout) :: task
      integer(c_int), value :: code
      character(kind=c_char), intent(in) :: text(*)
      integer(c_int) :: status
    end function
    function axis_fn(plan, name, count, first, step, unit, help) bind(C) result(status)
      import :: rk_plan, c_int, c_int64_t, c_double, c_char
      type(rk_plan), intent(inout) :: plan
      integer(c_int64_t), value :: count
      real(c_double), value :: first, step
      character(kind=c_char), intent(in) :: name(*), unit(*), help(*)
      integer(c_int) :: status
    end function
    function dimension_fn(plan, name, size) bind(C) result(status)
      import :: rk_plan, c_int, c_int64_t, c_char
      type(rk_plan), intent(inout) :: plan
      character(kind=c_char), intent(in) :: name(*)
      integer(c_int64_t), value :: size
      integer(c_int) :: status
    end function
    function plan_fail_fn(plan, text) bind(C) result(status)
      import :: rk_plan, c_int, c_char
      type(rk_plan), intent(inout) :: plan
      character(kind=c_char), intent(in) :: text(*)
      integer(c_int) :: status
    end function
  end interface

  interface
    function c_strlen(text) bind(C, name="strlen") result(length)
      import :: c_ptr, c_size_t
      type(c_ptr), value :: text
      integer(c_size_t) :: length
    end function
  end interface

contains

  ! ---- the description ----

  !> Begin a description (anew). The structs by c_loc and c_sizeof of a variable each. Then about%c%run (or %run_batch) and
  !> %plan are set by c_funloc.
  subroutine begin(about, name, params, params_size, result, result_size, summary, version, deterministic, thread_safe, ranks)
    class(rk_description), intent(inout) :: about
    character(*), intent(in) :: name
    type(c_ptr), intent(in) :: params, result
    integer(c_size_t), intent(in) :: params_size, result_size
    character(*), intent(in), optional :: summary, version, ranks
    logical, intent(in), optional :: deterministic, thread_safe
    about%c = rk_kernel()
    about%c%size = int(c_sizeof(about%c), c_int64_t)
    about%params_at = transfer(params, about%params_at)
    about%result_at = transfer(result, about%result_at)
    about%params = 0
    about%outputs = 0
    about%reductions = 0
    about%c%name = lasting(name)
    about%c%params_size = params_size
    about%c%result_size = result_size
    about%c%summary = lasting(summary)
    about%c%version = lasting(version)
    about%c%ranks = lasting(ranks)
    if (present(deterministic)) about%c%deterministic = deterministic
    if (present(thread_safe)) about%c%thread_safe = thread_safe
  end subroutine

  ! A copy that ends with a NUL and lasts as long as the description: to the end of the program.
  function lasting(text) result(where)
    character(*), intent(in), optional :: text
    type(c_ptr) :: where
    character(kind=c_char), pointer :: copy(:)
    integer :: i
    where = c_null_ptr
    if (.not. present(text)) return
    allocate (copy(len(text) + 1))
    do i = 1, len(text)
      copy(i) = text(i:i)
    end do
    copy(len(text) + 1) = c_null_char
    where = c_loc(copy)
  end function

  ! The next free place of `room`. One too many takes the last place, under a name that is none: it is refused, by this
  ! name, when the kernel is loaded.
  subroutine take_place(count, room, name, overflow, place, label)
    integer, intent(inout) :: count
    integer, intent(in) :: room
    character(*), intent(in) :: name, overflow
    integer, intent(out) :: place
    type(c_ptr), intent(out) :: label
    place = room
    label = c_null_ptr
    if (count == room) then
      label = lasting(overflow)
      return
    end if
    count = count + 1
    place = count
    label = lasting(name)
  end subroutine

  !> A parameter, its field by rk_field(p%...). Without a preset it must be given. A string is a type(c_ptr), read by
  !> rk_text. With choices ("red|green"), an integer(c_int) is the number of the choice, from 0.
  subroutine param(about, field, name, preset, unit, help, fixed, choices)
    class(rk_description), intent(inout) :: about
    type(rk_place_of_field), intent(in) :: field
    character(*), intent(in) :: name
    character(*), intent(in), optional :: preset, unit, help, choices
    logical, intent(in), optional :: fixed
    type(rk_param) :: p
    integer :: place
    call take_place(about%params, RK_PARAMS_MAX, name, "more than 48 parameters", place, p%name)
    p%offset = int(field%at - about%params_at, c_size_t)
    p%size = field%bytes
    p%type = field%type
    p%preset = lasting(preset)
    p%unit = lasting(unit)
    p%help = lasting(help)
    p%choices = lasting(choices)
    if (present(choices)) p%type = RK_ENUM
    if (present(fixed)) p%fixed = fixed
    about%c%params(place) = p
  end subroutine

  subroutine add_output(about, o, name, unit, help, fill, drop, always, measured)
    class(rk_description), intent(inout) :: about
    type(rk_output), intent(inout) :: o
    character(*), intent(in) :: name
    character(*), intent(in), optional :: unit, help, fill
    logical, intent(in), optional :: drop, always, measured
    integer :: place
    call take_place(about%outputs, RK_OUTPUTS_MAX, name, "more than 32 outputs", place, o%name)
    o%unit = lasting(unit)
    o%help = lasting(help)
    o%fill = lasting(fill)
    if (present(drop)) o%drop = drop
    if (present(always)) o%always = always
    if (present(measured)) o%measured = measured
    about%c%outputs(place) = o
  end subroutine

  !> A number per task, its field by rk_field(r%...).
  subroutine output(about, field, name, unit, help, fill, drop, always, measured)
    class(rk_description), intent(inout) :: about
    type(rk_place_of_field), intent(in) :: field
    character(*), intent(in) :: name
    character(*), intent(in), optional :: unit, help, fill
    logical, intent(in), optional :: drop, always, measured
    type(rk_output) :: o
    o%offset = int(field%at - about%result_at, c_size_t)
    o%size = field%bytes
    o%type = field%type
    call add_output(about, o, name, unit, help, fill, drop, always, measured)
  end subroutine

  !> An array per task: the field is a type(c_ptr), which points at it during the call: c_f_pointer(r%x, x, [n]). The
  !> shape is in the order of C, the last dimension the fastest, in c_f_pointer the other way round. Each dimension is an
  !> integer parameter's name, a planned dimension's, or a number.
  subroutine row(about, field, type, name, shape, unit, help, fill, drop, always, measured)
    class(rk_description), intent(inout) :: about
    type(rk_place_of_field), intent(in) :: field
    integer(c_int), intent(in) :: type
    character(*), intent(in) :: name, shape(:)
    character(*), intent(in), optional :: unit, help, fill
    logical, intent(in), optional :: drop, always, measured
    type(rk_output) :: o
    integer :: d
    o%offset = int(field%at - about%result_at, c_size_t)
    o%size = bytes_of(type)
    o%type = type
    o%is_row = .true.
    do d = 1, min(size(shape), RK_DIMS_MAX)
      o%shape(d) = lasting(trim(shape(d)))
    end do
    if (size(shape) > RK_DIMS_MAX) then ! refused by this name when the kernel is loaded
      call add_output(about, o, "a row of more than 4 dimensions")
      return
    end if
    call add_output(about, o, name, unit, help, fill, drop, always, measured)
  end subroutine

  !> Any number of values per task: see rk_emit. Text is RK_U8.
  subroutine varying(about, type, name, unit, help, always, measured)
    class(rk_description), intent(inout) :: about
    integer(c_int), intent(in) :: type
    character(*), intent(in) :: name
    character(*), intent(in), optional :: unit, help
    logical, intent(in), optional :: always, measured
    type(rk_output) :: o
    o%type = type
    o%varying = .true.
    call add_output(about, o, name, unit, help, always=always, measured=measured)
  end subroutine

  !> A reduction over an output or, without one, over what rk_accumulate gives.
  subroutine reduction(about, name, op, output, unit, help, lo, hi, bins)
    class(rk_description), intent(inout) :: about
    character(*), intent(in) :: name
    integer(c_int), intent(in) :: op
    character(*), intent(in), optional :: output, unit, help, lo, hi, bins
    type(rk_reduction) :: r
    integer :: place
    call take_place(about%reductions, RK_REDUCTIONS_MAX, name, "more than 32 reductions", place, r%name)
    r%op = op
    r%output = lasting(output)
    r%unit = lasting(unit)
    r%help = lasting(help)
    r%lo = lasting(lo)
    r%hi = lasting(hi)
    r%bins = lasting(bins)
    about%c%reduce(place) = r
  end subroutine

  !> A reduction with a state of its own (rk_task_state): see RK_CUSTOM. The procedures by c_funloc:
  !> subroutine merge(left, right) bind(C), subroutine finish(state, out) bind(C).
  subroutine reduction_by(about, name, state_bytes, merge, finish, values, unit, help)
    class(rk_description), intent(inout) :: about
    character(*), intent(in) :: name
    integer(c_size_t), intent(in) :: state_bytes
    type(c_funptr), value :: merge, finish
    integer, intent(in) :: values
    character(*), intent(in), optional :: unit, help
    call about%reduction(name, RK_CUSTOM, unit=unit, help=help)
    about%c%reduce(about%reductions)%state_bytes = state_bytes
    about%c%reduce(about%reductions)%merge = merge
    about%c%reduce(about%reductions)%finish = finish
    about%c%reduce(about%reductions)%values = int(values, c_int64_t)
  end subroutine

  ! ---- rk_field ----

  function field_of(at, bytes, type) result(field)
    type(c_ptr), intent(in) :: at
    integer(c_size_t), intent(in) :: bytes
    integer(c_int), intent(in) :: type
    type(rk_place_of_field) :: field
    field%at = transfer(at, field%at)
    field%bytes = bytes
    field%type = type
  end function

  function field_f64(x) result(field)
    real(c_double), intent(in), target :: x
    type(rk_place_of_field) :: field
    field = field_of(c_loc(x), c_sizeof(x), RK_F64)
  end function

  function field_f32(x) result(field)
    real(c_float), intent(in), target :: x
    type(rk_place_of_field) :: field
    field = field_of(c_loc(x), c_sizeof(x), RK_F32)
  end function

  function field_i8(x) result(field)
    integer(c_int8_t), intent(in), target :: x
    type(rk_place_of_field) :: field
    field = field_of(c_loc(x), c_sizeof(x), RK_I8)
  end function

  function field_i16(x) result(field)
    integer(c_int16_t), intent(in), target :: x
    type(rk_place_of_field) :: field
    field = field_of(c_loc(x), c_sizeof(x), RK_I16)
  end function

  function field_i32(x) result(field)
    integer(c_int32_t), intent(in), target :: x
    type(rk_place_of_field) :: field
    field = field_of(c_loc(x), c_sizeof(x), RK_I32)
  end function

  function field_i64(x) result(field)
    integer(c_int64_t), intent(in), target :: x
    type(rk_place_of_field) :: field
    field = field_of(c_loc(x), c_sizeof(x), RK_I64)
  end function

  function field_bool(x) result(field)
    logical(c_bool), intent(in), target :: x
    type(rk_place_of_field) :: field
    field = field_of(c_loc(x), c_sizeof(x), RK_BOOL)
  end function

  function field_string(x) result(field)
    type(c_ptr), intent(in), target :: x
    type(rk_place_of_field) :: field
    field = field_of(c_loc(x), c_sizeof(x), RK_STRING)
  end function

  function field_input(x) result(field)
    type(rk_input_row), intent(in), target :: x
    type(rk_place_of_field) :: field
    field = field_of(c_loc(x), c_sizeof(x), RK_INPUT)
  end function

  pure function bytes_of(type) result(bytes)
    integer(c_int), intent(in) :: type
    integer(c_size_t) :: bytes
    select case (type)
    case (RK_I8, RK_U8, RK_BOOL)
      bytes = 1
    case (RK_I16, RK_U16)
      bytes = 2
    case (RK_I32, RK_U32, RK_F32)
      bytes = 4
    case default
      bytes = 8
    end select
  end function

  ! ---- calls for kernels ----

  function api_of(task) result(api)
    type(rk_task), intent(in) :: task
    type(rk_task_api), pointer :: api
    call c_f_pointer(task%api, api)
  end function

  !> Fail this task with a code (not 0) and a message; return its value from the kernel.
  function rk_task_fail(task, code, message) result(status)
    type(rk_task), intent(inout) :: task
    integer, intent(in) :: code
    character(*), intent(in) :: message
    integer(c_int) :: status
    type(rk_task_api), pointer :: api
    procedure(fail_text_fn), pointer :: fail_text
    api => api_of(task)
    call c_f_procpointer(api%fail_text, fail_text)
    status = fail_text(task, int(code, c_int), message // c_null_char)
  end function

  !> Feed values into reduction number `reduction`. For RK_ARGMIN, RK_ARGMAX and RK_TOPK, values(i) has the index
  !> first_index + i - 1.
  subroutine rk_accumulate(task, reduction, values, first_index)
    type(rk_task), intent(inout) :: task
    integer, intent(in) :: reduction
    real(c_double), intent(in), contiguous, target :: values(:)
    integer(c_int64_t), intent(in), optional :: first_index
    type(rk_task_api), pointer :: api
    procedure(accumulate_fn), pointer :: accumulate
    integer(c_int64_t) :: first
    if (size(values) == 0) return
    first = 0
    if (present(first_index)) first = first_index
    api => api_of(task)
    call c_f_procpointer(api%accumulate, accumulate)
    call accumulate(task, int(reduction, c_int32_t), c_loc(values), size(values, kind=c_int64_t), first)
  end subroutine

  !> This task's own state, all zero at first, of a custom reduction: for c_f_pointer.
  function rk_task_state(task, reduction) result(where)
    type(rk_task), intent(inout) :: task
    integer, intent(in) :: reduction
    type(c_ptr) :: where
    type(rk_task_api), pointer :: api
    procedure(state_fn), pointer :: state
    api => api_of(task)
    call c_f_procpointer(api%state, state)
    where = state(task, int(reduction, c_int32_t))
  end function

  !> The correctly rounded sum: it does not depend on the order.
  function rk_exact_sum(task, values) result(total)
    type(rk_task), intent(in) :: task
    real(c_double), intent(in), contiguous, target :: values(:)
    real(c_double) :: total
    type(rk_task_api), pointer :: api
    procedure(exact_sum_fn), pointer :: exact_sum
    total = 0
    if (size(values) == 0) return
    api => api_of(task)
    call c_f_procpointer(api%exact_sum, exact_sum)
    total = exact_sum(c_loc(values), size(values, kind=c_int64_t))
  end function

  ! ---- rk_emit(task, output, values): append to an output of varying length. RK_OK, or to be returned ----

  function emit(task, output, values, count) result(status)
    type(rk_task), intent(inout) :: task
    integer, intent(in) :: output
    type(c_ptr), intent(in) :: values
    integer(c_int64_t), intent(in) :: count
    integer(c_int) :: status
    type(rk_task_api), pointer :: api
    procedure(emit_fn), pointer :: append
    api => api_of(task)
    call c_f_procpointer(api%emit, append)
    status = append(task, int(output, c_int32_t), values, count)
  end function

  function emit_f64(task, output, values) result(status)
    type(rk_task), intent(inout) :: task
    integer, intent(in) :: output
    real(c_double), intent(in), contiguous, target :: values(:)
    integer(c_int) :: status
    status = RK_OK
    if (size(values) > 0) status = emit(task, output, c_loc(values), size(values, kind=c_int64_t))
  end function

  function emit_f32(task, output, values) result(status)
    type(rk_task), intent(inout) :: task
    integer, intent(in) :: output
    real(c_float), intent(in), contiguous, target :: values(:)
    integer(c_int) :: status
    status = RK_OK
    if (size(values) > 0) status = emit(task, output, c_loc(values), size(values, kind=c_int64_t))
  end function

  function emit_i8(task, output, values) result(status)
    type(rk_task), intent(inout) :: task
    integer, intent(in) :: output
    integer(c_int8_t), intent(in), contiguous, target :: values(:)
    integer(c_int) :: status
    status = RK_OK
    if (size(values) > 0) status = emit(task, output, c_loc(values), size(values, kind=c_int64_t))
  end function

  function emit_i16(task, output, values) result(status)
    type(rk_task), intent(inout) :: task
    integer, intent(in) :: output
    integer(c_int16_t), intent(in), contiguous, target :: values(:)
    integer(c_int) :: status
    status = RK_OK
    if (size(values) > 0) status = emit(task, output, c_loc(values), size(values, kind=c_int64_t))
  end function

  function emit_i32(task, output, values) result(status)
    type(rk_task), intent(inout) :: task
    integer, intent(in) :: output
    integer(c_int32_t), intent(in), contiguous, target :: values(:)
    integer(c_int) :: status
    status = RK_OK
    if (size(values) > 0) status = emit(task, output, c_loc(values), size(values, kind=c_int64_t))
  end function

  function emit_i64(task, output, values) result(status)
    type(rk_task), intent(inout) :: task
    integer, intent(in) :: output
    integer(c_int64_t), intent(in), contiguous, target :: values(:)
    integer(c_int) :: status
    status = RK_OK
    if (size(values) > 0) status = emit(task, output, c_loc(values), size(values, kind=c_int64_t))
  end function

  function emit_text(task, output, text) result(status)
    type(rk_task), intent(inout) :: task
    integer, intent(in) :: output
    character(*), intent(in) :: text
    integer(c_int) :: status
    integer :: i
    status = rk_emit(task, output, [(int(iachar(text(i:i)), c_int8_t), i=1, len(text))])
  end function

  ! ---- rk_text: the value of a string parameter; a number in a message ----

  function text_of_string(field) result(text)
    type(c_ptr), intent(in) :: field
    character(:), allocatable :: text
    character(kind=c_char), pointer :: letters(:)
    integer :: i, length
    if (.not. c_associated(field)) then
      text = ""
      return
    end if
    length = int(c_strlen(field))
    call c_f_pointer(field, letters, [length])
    allocate (character(length) :: text)
    do i = 1, length
      text(i:i) = letters(i)
    end do
  end function

  function text_of_f64(value) result(text)
    real(c_double), intent(in) :: value
    character(:), allocatable :: text
    character(40) :: buffer
    write (buffer, "(g0)") value
    text = trim(adjustl(buffer))
  end function

  function text_of_i32(value) result(text)
    integer(c_int32_t), intent(in) :: value
    character(:), allocatable :: text
    text = text_of_i64(int(value, c_int64_t))
  end function

  function text_of_i64(value) result(text)
    integer(c_int64_t), intent(in) :: value
    character(:), allocatable :: text
    character(24) :: buffer
    write (buffer, "(i0)") value
    text = trim(buffer)
  end function

  ! ---- calls for plans: function plan(p, params) bind(C), with type(rk_plan), intent(inout) :: p. RK_OK, or to be returned ----

  !> An axis of `count` tasks planned by the kernel. step /= 0: coordinates first + i*step.
  function rk_plan_axis(plan, name, count, first, step, unit, help) result(status)
    type(rk_plan), intent(inout) :: plan
    character(*), intent(in) :: name, unit, help
    integer(c_int64_t), intent(in) :: count
    real(c_double), intent(in) :: first, step
    integer(c_int) :: status
    type(rk_plan_api), pointer :: api
    procedure(axis_fn), pointer :: axis
    call c_f_pointer(plan%api, api)
    call c_f_procpointer(api%axis, axis)
    status = axis(plan, name // c_null_char, count, first, step, unit // c_null_char, help // c_null_char)
  end function

  !> A size that shapes of rows may name.
  function rk_plan_dimension(plan, name, size) result(status)
    type(rk_plan), intent(inout) :: plan
    character(*), intent(in) :: name
    integer(c_int64_t), intent(in) :: size
    integer(c_int) :: status
    type(rk_plan_api), pointer :: api
    procedure(dimension_fn), pointer :: add
    call c_f_pointer(plan%api, api)
    call c_f_procpointer(api%dimension, add)
    status = add(plan, name // c_null_char, size)
  end function

  !> Refuse the parameters; return its value from the plan.
  function rk_plan_fail(plan, message) result(status)
    type(rk_plan), intent(inout) :: plan
    character(*), intent(in) :: message
    integer(c_int) :: status
    type(rk_plan_api), pointer :: api
    procedure(plan_fail_fn), pointer :: fail_text
    call c_f_pointer(plan%api, api)
    call c_f_procpointer(api%fail_text, fail_text)
    status = fail_text(plan, message // c_null_char)
  end function

  ! ---- random numbers: the same as in C ----

  !> Stream number `stream` of a task. Streams and tasks are independent of each other.
  function rk_random_stream(task, stream) result(r)
    type(rk_task), intent(in) :: task
    integer, intent(in) :: stream
    type(rk_random) :: r
    type(rk_task_api), pointer :: api
    integer(c_int64_t) :: along
    along = max(task%last_axis, 1_c_int64_t)
    r%key = [task%seed, int(stream, c_int64_t)]
    r%counter = [0_c_int64_t, task%index / along, mod(task%index, along), 0_c_int64_t]
    api => api_of(task)
    r%draw = api%random
  end function

  !> 64 random bits.
  function rk_random_u64(r) result(bits)
    type(rk_random), intent(inout) :: r
    integer(c_int64_t) :: bits
    procedure(random_fn), pointer :: draw
    if (r%left == 0) then
      call c_f_procpointer(r%draw, draw)
      call draw(r%key, r%counter, r%buffer)
      r%counter(1) = r%counter(1) + 1
      r%left = 4
    end if
    bits = r%buffer(5 - r%left)
    r%left = r%left - 1
  end function

  !> Uniform on [0, 1): the upper 53 bits times 2**(-53).
  function rk_random_f64(r) result(x)
    type(rk_random), intent(inout) :: r
    real(c_double) :: x
    x = real(shiftr(rk_random_u64(r), 11), c_double) / 9007199254740992.0_c_double
  end function

  !> Uniform on 0 ... bound-1 without bias (bound > 0), by rejection as in C.
  function rk_random_below(r, bound) result(x)
    type(rk_random), intent(inout) :: r
    integer(c_int64_t), intent(in) :: bound
    integer(c_int64_t) :: x, bits, half, limit
    half = mod(mod(huge(bound), bound) + 1, bound) ! 2**63 mod bound
    limit = twice(half, bound)
    do
      bits = rk_random_u64(r)
      if (bits < 0 .or. bits >= limit) exit ! as unsigned: not below the limit
    end do
    x = mod(shiftr(bits, 1), bound) ! unsigned remainder: of the upper 63 bits, then of all 64
    x = twice(x, bound)
    if (iand(bits, 1_c_int64_t) == 1) x = mod(x + 1, bound)
  end function

  ! 2*x mod bound without overflow, for 0 <= x < bound.
  pure function twice(x, bound) result(y)
    integer(c_int64_t), intent(in) :: x, bound
    integer(c_int64_t) :: y
    if (x >= bound - x) then
      y = x - (bound - x)
    else
      y = x + x
    end if
  end function
end module
