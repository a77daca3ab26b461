! new_kernel: how far a ball flies, with the drag of air. A kernel of Rankine: one call of run() computes one task.
! All that a kernel can do is told in <rankine/kernel.f90>; `rankine help new` shows how to build it.
module k_new_kernel
  use, intrinsic :: iso_c_binding
  use rankine
  implicit none
  private
  public :: entry

  ! What a task is given and what it returns. Each component is described once more in entry().
  type, bind(C) :: params
    real(c_double) :: angle, speed, drag, dt
  end type

  type, bind(C) :: result
    real(c_double) :: range, time
  end type

  type(rk_description), target, save :: about

contains

  ! Must depend on the parameters alone (and on the task's random numbers: see rk_random_stream), never on the rank, the
  ! time or earlier tasks: then its results have the same bits everywhere.
  function run(task, p, r) bind(C, name="") result(status)
    type(rk_task), intent(inout) :: task
    type(params), intent(in) :: p
    type(result), intent(inout) :: r
    integer(c_int) :: status
    real(c_double), parameter :: g = 9.80665d0, radian = 3.14159265358979323846d0 / 180
    real(c_double) :: x, y, u, v, t, a, um, vm, last_x, last_y, part

    if (.not. (p%speed > 0) .or. .not. (p%dt > 0)) then ! recorded with this message; the other tasks go on
      status = rk_task_fail(task, 1, "speed=" // rk_text(p%speed) // " dt=" // rk_text(p%dt) // ": both must be above 0")
      return
    end if

    ! x'' = -drag |v| x',  y'' = -drag |v| y' - g: steps of the midpoint rule until the ball is down again.
    x = 0
    y = 0
    t = 0
    last_x = 0
    last_y = 0
    u = p%speed * cos(p%angle * radian)
    v = p%speed * sin(p%angle * radian)
    do while (y >= 0 .and. t < 1000)
      a = p%drag * sqrt(u * u + v * v)
      um = u - 0.5d0 * p%dt * (a * u)
      vm = v - 0.5d0 * p%dt * (a * v + g)
      a = p%drag * sqrt(um * um + vm * vm)
      last_x = x
      last_y = y
      x = x + p%dt * um
      y = y + p%dt * vm
      u = u - p%dt * (a * um)
      v = v - p%dt * (a * vm + g)
      t = t + p%dt
    end do
    part = last_y / (last_y - y) ! of the last step, until it hit the ground
    r%range = last_x + part * (x - last_x)
    r%time = t - (1 - part) * p%dt
    status = RK_OK
  end function

  ! What Rankine calls first: field, name, default (none: it must be given), unit, meaning; types follow from the fields.
  function entry() bind(C, name="rankine_kernel") result(kernel)
    type(c_ptr) :: kernel
    type(params), target :: p
    type(result), target :: r
    call about%begin("new_kernel", c_loc(p), c_sizeof(p), c_loc(r), c_sizeof(r), &
                     summary="how far a ball flies, with the drag of air", version="1", deterministic=.true.)
    about%c%run = c_funloc(run)
    call about%param(rk_field(p%angle), "angle", "45", "degree", "elevation of the throw")
    call about%param(rk_field(p%speed), "speed", "30", "m/s", "speed of the throw")
    call about%param(rk_field(p%drag), "drag", "0", "1/m", "deceleration by air over speed squared")
    call about%param(rk_field(p%dt), "dt", "0.001", "s", "time step")
    call about%output(rk_field(r%range), "range", "m", "where the ball comes down")
    call about%output(rk_field(r%time), "time", "s", "when")
    call about%reduction("farthest", RK_MAX, "range")
    call about%reduction("farthest_task", RK_ARGMAX, "range")
    kernel = c_loc(about%c)
  end function
end module
