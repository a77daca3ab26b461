! All that a kernel can do, in Fortran: the same as tongue.c, to the bit.
module k_tongue
  use, intrinsic :: iso_c_binding
  use rankine
  implicit none
  private
  public :: entry

  type, bind(C) :: params
    real(c_double) :: f64
    real(c_float) :: f32
    integer(c_int8_t) :: i8
    integer(c_int16_t) :: i16
    integer(c_int32_t) :: i32
    integer(c_int64_t) :: i64
    logical(c_bool) :: flag
    integer(c_int) :: colour
    type(c_ptr) :: word
    integer(c_int32_t) :: n
  end type

  type, bind(C) :: result
    real(c_double) :: y
    integer(c_int64_t) :: below
    real(c_float) :: single
    integer(c_int16_t) :: letters
    logical(c_bool) :: other
    type(c_ptr) :: wave
  end type

  type, bind(C) :: state
    real(c_double) :: largest
    integer(c_int64_t) :: count
  end type

  type(rk_description), target, save :: about

contains

  subroutine merge_states(left, right) bind(C, name="")
    type(state), intent(inout) :: left
    type(state), intent(in) :: right
    if (right%count > 0 .and. (left%count == 0 .or. right%largest > left%largest)) left%largest = right%largest
    left%count = left%count + right%count
  end subroutine

  subroutine finish(s, out) bind(C, name="")
    type(state), intent(in) :: s
    real(c_double), intent(out) :: out(2)
    out = [s%largest, real(s%count, c_double)]
  end subroutine

  function plan(where, p) bind(C, name="") result(status)
    type(rk_plan), intent(inout) :: where
    type(params), intent(in) :: p
    integer(c_int) :: status
    if (p%n < 1) then
      status = rk_plan_fail(where, "n=" // rk_text(p%n) // ": at least 1")
      return
    end if
    status = rk_plan_axis(where, "station", 4_c_int64_t, 10.0_c_double, 0.5_c_double, "km", "where")
    if (status == RK_OK) status = rk_plan_dimension(where, "width", int(p%n, c_int64_t))
  end function

  function run(task, p, r) bind(C, name="") result(status)
    type(rk_task), intent(inout) :: task
    type(params), intent(in) :: p
    type(result), intent(inout) :: r
    integer(c_int) :: status
    type(rk_random) :: random
    type(state), pointer :: s
    real(c_double), pointer :: wave(:)
    integer :: i

    random = rk_random_stream(task, 7)
    if (task%plan_index == 2 .and. p%colour == 1) then
      status = rk_task_fail(task, 5, "station " // rk_text(task%plan_index) // " is closed")
      return
    end if
    call c_f_pointer(r%wave, wave, [2 * p%n])
    do i = 1, size(wave)
      wave(i) = rk_random_f64(random)
    end do
    r%y = rk_exact_sum(task, wave) + p%f64 * p%i32 + real(p%i64, c_double)
    r%below = rk_random_below(random, 6000000000000000003_c_int64_t)
    r%below = r%below + rk_random_below(random, 6_c_int64_t)
    r%single = p%f32 * real(p%i8, c_float)
    r%letters = int(p%i16 + len(rk_text(p%word)), c_int16_t)
    r%other = .not. p%flag
    call c_f_pointer(rk_task_state(task, 3), s)
    s = state(r%y, 1)
    call rk_accumulate(task, 1, wave)
    call rk_accumulate(task, 2, wave, 100 * task%index)
    status = rk_emit(task, 6, wave(1:task%plan_index))
    if (status == RK_OK) status = rk_emit(task, 7, rk_text(p%word))
  end function

  function entry() bind(C, name="rankine_kernel") result(kernel)
    type(c_ptr) :: kernel
    type(params), target :: p
    type(result), target :: r
    type(state) :: s
    call about%begin("tongue", c_loc(p), c_sizeof(p), c_loc(r), c_sizeof(r), summary="all that a kernel can do", &
                     version="1", deterministic=.true., thread_safe=.true.)
    about%c%plan = c_funloc(plan)
    about%c%run = c_funloc(run)
    call about%param(rk_field(p%f64), "f64", "1.5", "m", "a double")
    call about%param(rk_field(p%f32), "f32", "0.1", "1", "a float")
    call about%param(rk_field(p%i8), "i8", "-3", "1", "i8")
    call about%param(rk_field(p%i16), "i16", "300", "1", "i16")
    call about%param(rk_field(p%i32), "i32", "-70000", "1", "i32")
    call about%param(rk_field(p%i64), "i64", "5000000000", "1", "i64")
    call about%param(rk_field(p%flag), "flag", "no", "1", "a bool")
    call about%param(rk_field(p%colour), "colour", "red", "1", "a choice", choices="red|green")
    call about%param(rk_field(p%word), "word", "hello", "1", "a string")
    call about%param(rk_field(p%n), "n", "3", "1", "width of the wave", fixed=.true.)
    call about%output(rk_field(r%y), "y", "m", "a sum")
    call about%output(rk_field(r%below), "below", "1", "two dice")
    call about%output(rk_field(r%single), "single", "1", "a product")
    call about%output(rk_field(r%letters), "letters", "1", "a length", fill="-1")
    call about%output(rk_field(r%other), "other", "1", "the other way round")
    call about%row(rk_field(r%wave), RK_F64, "wave", [character(5) :: "width", "2"], "1", "random")
    call about%varying(RK_F64, "times", "s", "some of the wave")
    call about%varying(RK_U8, "text", "1", "the word")
    call about%reduction("y_max", RK_MAX, "y")
    call about%reduction("own_sum", RK_SUM, unit="1")
    call about%reduction("highest", RK_TOPK, unit="1", bins="n")
    call about%reduction_by("largest", c_sizeof(s), c_funloc(merge_states), c_funloc(finish), 2)
    kernel = c_loc(about%c)
  end function
end module
