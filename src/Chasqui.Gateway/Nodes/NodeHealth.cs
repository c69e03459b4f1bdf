namespace Chasqui.Gateway.Nodes;

/// <summary>Whether a node can be used.</summary>
public enum NodeState
{
    /// <summary>It has not answered yet.</summary>
    Unknown,

    /// <summary>It is used.</summary>
    Up,

    /// <summary>It came back a moment ago and gets a growing share.</summary>
    Returning,

    /// <summary>It failed and is left alone for a while.</summary>
    Paused,

    /// <summary>Its pause is over: one request finds out.</summary>
    Trial,
}

/// <summary>
/// The circuit breaker of one node: failures in a row pause it, each pause twice as long as the one before; one request then finds out, and a node that came
/// back gets its share gradually. What the caller did (a wrong request, leaving) is no outcome. Thread-safe; a pure state machine on the given clock.
/// </summary>
public sealed class NodeHealth(RoutingOptions options, TimeProvider time)
{
    private static readonly TimeSpan _longestPause = TimeSpan.FromMinutes(1);

    // A share so small that few are hurt, and yet the node is seen to live.
    private const double LeastShare = 0.05;
    private const double WeakFailure = 0.25;

    private readonly Lock _gate = new();
    private double _failuresInARow;
    private int _pauses;
    private long _pausedAt;
    private TimeSpan _pause;
    private long _returnedAt;
    private NodeState _state = NodeState.Unknown;
    private bool _trialTaken;
    private RoutingOptions _options = options;
    private long _trial;
    private bool _unreachable;
    private double _failureRate;
    private string? _weakOf;
    private bool _isAnswer;

    /// <summary>The last failure, for people; empty when there was none since it was well.</summary>
    public string LastFailure { get; private set; } = "";

    /// <summary>The same for any caller: without the words that a node answered to another one's request.</summary>
    public string LastFailureForAll => _isAnswer ? "answered with an error" : LastFailure;

    /// <summary>Whether the last pause is for being full, not for being broken.</summary>
    public bool IsBusy { get; private set; }

    /// <summary>Failures among the last outcomes, 0 to 1, each outcome weighing a fifth.</summary>
    public double FailureRate => Volatile.Read(ref _failureRate);

    /// <summary>What it is now.</summary>
    public NodeState State
    {
        get
        {
            lock (_gate)
                return Now();
        }
    }

    /// <summary>How much of its usual share it gets, 0 to 1.</summary>
    public double Share
    {
        get
        {
            lock (_gate)
            {
                return Now() switch
                {
                    NodeState.Paused => 0,
                    NodeState.Trial => _trialTaken ? 0 : LeastShare,
                    NodeState.Returning => Math.Max(LeastShare, time.GetElapsedTime(_returnedAt) / _options.RampUp),
                    _ => 1,
                };
            }
        }
    }

    /// <summary>How long the pause still lasts; zero when there is none.</summary>
    public TimeSpan PauseLeft
    {
        get
        {
            lock (_gate)
                return _state == NodeState.Paused && _pause > time.GetElapsedTime(_pausedAt) ? _pause - time.GetElapsedTime(_pausedAt) : TimeSpan.Zero;
        }
    }

    /// <summary>New settings: what it knows of the node stays.</summary>
    internal void Follow(RoutingOptions changed)
    {
        lock (_gate)
            _options = changed;
    }

    /// <summary>Takes the one request that a node on trial gets.</summary>
    /// <param name="trial">What <see cref="Abandoned"/> asks for; 0 for a request that is no trial.</param>
    /// <returns>False when somebody else has it.</returns>
    public bool TryBegin(out long trial)
    {
        trial = 0;
        lock (_gate)
        {
            if (Now() != NodeState.Trial)
                return _state != NodeState.Paused;
            if (_trialTaken)
                return false;
            _trialTaken = true;
            trial = ++_trial;
            return true;
        }
    }

    /// <summary>It can be connected to again: where that was why it was paused, the pause is over.</summary>
    public void Reached()
    {
        lock (_gate)
        {
            if (_state == NodeState.Paused && _unreachable)
                _state = NodeState.Trial;
        }
    }

    /// <summary>A request ended without an outcome: where it was the trial, the next request has it.</summary>
    /// <param name="trial">From <see cref="TryBegin"/>.</param>
    public void Abandoned(long trial)
    {
        lock (_gate)
        {
            if (trial != 0 && trial == _trial)
                _trialTaken = false;
        }
    }

    /// <summary>It did what it was asked, or refused what nobody would do.</summary>
    public void Succeeded()
    {
        lock (_gate)
        {
            _failureRate *= 0.8;
            if (_state is NodeState.Up && _failuresInARow == 0)
                return;
            (_failuresInARow, _weakOf) = (0, null);
            if (Now() is NodeState.Trial or NodeState.Paused)
            {
                _state = _options.RampUp > TimeSpan.Zero ? NodeState.Returning : NodeState.Up;
                _returnedAt = time.GetTimestamp();
            }
            else if (_state == NodeState.Unknown)
            {
                _state = NodeState.Up;
            }
            if (Now() == NodeState.Up)
                (_pauses, LastFailure) = (0, "");
            _trialTaken = false;
        }
    }

    /// <summary>It failed.</summary>
    /// <param name="reason">Why, for people.</param>
    /// <param name="busy">Whether it is full rather than broken.</param>
    /// <param name="retryAfter">When it says that it can be asked again.</param>
    /// <param name="certain">Whether this alone is proof enough, e.g. a refused connection.</param>
    /// <param name="unreachable">Whether it could not be connected to.</param>
    /// <param name="weak">Whether it may as well be the request's fault, so that only many in a row are proof.</param>
    /// <param name="by">Whose request it was; null for a caller without a key. What may be the request's fault counts once for each caller
    /// in a row.</param>
    public void Failed(
        string reason, bool busy = false, TimeSpan? retryAfter = null, bool certain = false, bool unreachable = false, bool weak = false, string? by = null)
    {
        lock (_gate)
        {
            (LastFailure, _isAnswer) = (reason, weak);
            // One caller who sends what no node can do must not close the nodes for all.
            if (weak && by is not null && by == _weakOf && Now() is NodeState.Up or NodeState.Unknown or NodeState.Returning)
                return;
            if (weak)
                _weakOf = by;
            _failureRate = (_failureRate * 0.8) + 0.2;
            _failuresInARow += weak ? WeakFailure : 1;
            var state = Now();
            if (state == NodeState.Paused)
                return;
            // One that came back is closed off by a single failure of its own, but not by what may be the request's fault.
            var isPatient = state is NodeState.Up or NodeState.Unknown || (weak && state == NodeState.Returning);
            if (!certain && isPatient && _failuresInARow < _options.FailureThreshold)
                return;
            (IsBusy, _unreachable) = (busy, unreachable);
            // A pause that is configured longer than what it may grow to is meant.
            var longest = _options.BreakerPause > _longestPause ? _options.BreakerPause : _longestPause;
            _pause = _options.BreakerPause * Math.Pow(2, Math.Min(_pauses, 10));
            if (_pause > longest)
                _pause = longest;
            if (retryAfter is { } after && after > _pause)
                _pause = after < longest ? after : longest;
            _pauses++;
            _pausedAt = time.GetTimestamp();
            _state = NodeState.Paused;
            _trialTaken = false;
        }
    }

    private NodeState Now()
    {
        if (_state == NodeState.Paused && time.GetElapsedTime(_pausedAt) >= _pause)
            _state = NodeState.Trial;
        if (_state == NodeState.Returning && time.GetElapsedTime(_returnedAt) >= _options.RampUp)
            (_state, _pauses, LastFailure) = (NodeState.Up, 0, "");
        return _state;
    }
}
