! An orbit of the Henon-Heiles system: see README.md.
module k_henon
  use, intrinsic :: iso_c_binding
  use rankine
  implicit none
  private
  public :: entry

  type, bind(C) :: params
    real(c_double) :: energy, y, v, dt
    integer(c_int64_t) :: steps
  end type

  type, bind(C) :: result
    real(c_double) :: energy_error, lyapunov
    integer(c_int64_t) :: crossings
  end type

  ! Numbers of the outputs of varying length, in the order of entry().
  integer, parameter :: SECTION_Y = 3, SECTION_V = 4

  ! A point (x, y) with its velocity (u, v), and a tangent vector at it.
  type :: state
    real(c_double) :: x, y, u, v, dx, dy, du, dv
  end type

  type(rk_description), target, save :: about

contains

  pure function energy_of(s) result(energy)
    type(state), intent(in) :: s
    real(c_double) :: energy
    energy = (s%u**2 + s%v**2 + s%x**2 + s%y**2) / 2 + s%x**2 * s%y - s%y**3 / 3
  end function

  pure subroutine drift(s, h)
    type(state), intent(inout) :: s
    real(c_double), intent(in) :: h
    s%x = s%x + h * s%u
    s%y = s%y + h * s%v
    s%dx = s%dx + h * s%du
    s%dy = s%dy + h * s%dv
  end subroutine

  ! The velocity, by the gradient of the potential; the tangent vector, by its second derivatives.
  pure subroutine kick(s, h)
    type(state), intent(inout) :: s
    real(c_double), intent(in) :: h
    s%u = s%u - h * (s%x + 2 * s%x * s%y)
    s%v = s%v - h * (s%y + s%x**2 - s%y**2)
    s%du = s%du - h * ((1 + 2 * s%y) * s%dx + 2 * s%x * s%dy)
    s%dv = s%dv - h * (2 * s%x * s%dx + (1 - 2 * s%y) * s%dy)
  end subroutine

  pure subroutine leapfrog(s, h)
    type(state), intent(inout) :: s
    real(c_double), intent(in) :: h
    call drift(s, h / 2)
    call kick(s, h)
    call drift(s, h / 2)
  end subroutine

  ! Forest and Ruth's step of fourth order: three leaps, the middle one backwards.
  pure subroutine step(s, h)
    type(state), intent(inout) :: s
    real(c_double), intent(in) :: h
    real(c_double), parameter :: outer = 1 / (2 - 2.0_c_double**(1.0_c_double / 3)), inner = 1 - 2 * outer
    call leapfrog(s, outer * h)
    call leapfrog(s, inner * h)
    call leapfrog(s, outer * h)
  end subroutine

  ! Bring the tangent vector back to length 1; the logarithm of the length that it had.
  subroutine shrink(s, stretch)
    type(state), intent(inout) :: s
    real(c_double), intent(out) :: stretch
    real(c_double) :: length
    length = sqrt(s%dx**2 + s%dy**2 + s%du**2 + s%dv**2)
    s%dx = s%dx / length
    s%dy = s%dy / length
    s%du = s%du / length
    s%dv = s%dv / length
    stretch = log(length)
  end subroutine

  ! (y, v) by x instead of time: d(y, u, v)/dx = d(y, u, v)/dt / u.
  pure function slope(x, z) result(dz)
    real(c_double), intent(in) :: x, z(3)
    real(c_double) :: dz(3)
    dz = [z(3), -x - 2 * x * z(1), z(1)**2 - x**2 - z(1)] / z(2)
  end function

  ! Henon's way onto the plane x = 0: one Runge-Kutta step with x as the independent variable.
  pure function at_section(s) result(z)
    type(state), intent(in) :: s
    real(c_double) :: z(3), h, k1(3), k2(3), k3(3), k4(3)
    h = -s%x
    z = [s%y, s%u, s%v]
    k1 = slope(s%x, z)
    k2 = slope(s%x + h / 2, z + h / 2 * k1)
    k3 = slope(s%x + h / 2, z + h / 2 * k2)
    k4 = slope(s%x + h, z + h * k3)
    z = z + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
  end function

  ! From the section upwards in x, with what the energy leaves for u.
  subroutine start(p, s, allowed)
    type(params), intent(in) :: p
    type(state), intent(out) :: s
    logical, intent(out) :: allowed
    real(c_double) :: square
    square = 2 * p%energy - p%v**2 - p%y**2 + 2 * p%y**3 / 3
    allowed = square >= 0 .and. p%y < 1 .and. p%energy <= 1.0_c_double / 6
    s = state(0, p%y, sqrt(max(square, 0.0_c_double)), p%v, 1, 0, 0, 0)
  end subroutine

  function run(task, p, r) bind(C, name="") result(status)
    type(rk_task), intent(inout) :: task
    type(params), intent(in) :: p
    type(result), intent(inout) :: r
    integer(c_int) :: status
    type(state) :: s, before
    real(c_double) :: energy, growth, stretch
    integer(c_int64_t) :: i
    logical :: allowed

    call start(p, s, allowed)
    if (.not. allowed .or. .not. p%dt > 0 .or. p%steps < 1) then
      status = rk_task_fail(task, 1, "energy=" // rk_text(p%energy) // " y=" // rk_text(p%y) // " v=" // rk_text(p%v) // &
                            ": no bound orbit starts there (or dt or steps is not above 0)")
      return
    end if
    energy = energy_of(s)
    growth = 0
    status = RK_OK
    do i = 1, p%steps
      before = s
      call step(s, p%dt)
      call shrink(s, stretch)
      growth = growth + stretch
      r%energy_error = max(r%energy_error, abs(energy_of(s) - energy))
      if (before%x < 0 .and. s%x >= 0) status = cross(task, r, s)
      if (status /= RK_OK) return
    end do
    if (.not. r%energy_error < 1) then
      status = rk_task_fail(task, 2, "the orbit leaves every bound: take a smaller dt than " // rk_text(p%dt))
      return
    end if
    r%lyapunov = growth / (real(p%steps, c_double) * p%dt)
  end function

  function cross(task, r, s) result(status)
    type(rk_task), intent(inout) :: task
    type(result), intent(inout) :: r
    type(state), intent(in) :: s
    integer(c_int) :: status
    real(c_double) :: z(3)
    z = at_section(s)
    r%crossings = r%crossings + 1
    status = rk_emit(task, SECTION_Y, z(1:1))
    if (status == RK_OK) status = rk_emit(task, SECTION_V, z(3:3))
  end function

  function entry() bind(C, name="rankine_kernel") result(kernel)
    type(c_ptr) :: kernel
    type(params), target :: p
    type(result), target :: r
    call about%begin("henon", c_loc(p), c_sizeof(p), c_loc(r), c_sizeof(r), version="1", deterministic=.true., &
                     thread_safe=.true., summary="orbits of the Henon-Heiles system, their section and Lyapunov exponent")
    about%c%run = c_funloc(run)
    call about%param(rk_field(p%energy), "energy", "0.125", "1", "energy of the orbit, at most 1/6")
    call about%param(rk_field(p%y), "y", "0.1", "1", "where it crosses the section x = 0 first")
    call about%param(rk_field(p%v), "v", "0", "1", "velocity along y there")
    call about%param(rk_field(p%dt), "dt", "0.05", "1", "time step")
    call about%param(rk_field(p%steps), "steps", "20000", "1", "number of steps")
    call about%output(rk_field(r%energy_error), "energy_error", "1", "largest change of the energy, which is conserved")
    call about%output(rk_field(r%lyapunov), "lyapunov", "1", "largest Lyapunov exponent")
    call about%output(rk_field(r%crossings), "crossings", "1", "how often the section was crossed upwards in x")
    call about%varying(RK_F64, "section_y", "1", "y at each crossing of the section")
    call about%varying(RK_F64, "section_v", "1", "velocity along y at each crossing of the section")
    call about%reduction("energy_error_max", RK_MAX, "energy_error")
    call about%reduction("lyapunov_max", RK_MAX, "lyapunov")
    call about%reduction("lyapunov_argmax", RK_ARGMAX, "lyapunov")
    kernel = c_loc(about%c)
  end function
end module
