using Chasqui.Gateway;
using Chasqui.Gateway.Scheduling;

namespace Chasqui.Simulation;

/// <summary>Adds up what a simulation shows.</summary>
internal sealed class Statistics(SimulationPlan plan)
{
    private const int Columns = 72;

    private readonly List<double> _waits = [];
    private readonly List<double> _first = [];
    private readonly List<(double At, int Waiting)> _line = [];
    private readonly Dictionary<string, (double Tokens, double Weight)> _callers = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, int> _refused = new(StringComparer.Ordinal);
    private readonly double[] _urgentWaits = new double[3];
    private readonly int[] _urgent = new int[3];
    private long _tokens;
    private int _good;
    private long _goodTokens;
    private int _mostWaiting;
    private double _step = 0.001;

    public void Refused(RefusalCause cause)
    {
        var name = cause switch
        {
            RefusalCause.Full => "queue full",
            RefusalCause.CallerFull => "caller's queue full",
            RefusalCause.Deadline => "longer than the request allows",
            _ => "longer than anybody may wait",
        };
        _refused[name] = _refused.GetValueOrDefault(name) + 1;
    }

    public void Began(Ticket ticket, TraceRequest request, double waited, double first)
    {
        _waits.Add(waited);
        _first.Add(first);
        _urgentWaits[(int)ticket.Priority] += waited;
        _urgent[(int)ticket.Priority]++;
        if (first > plan.Target)
            return;
        _good++;
        _goodTokens += request.PromptTokens + request.OutputTokens;
    }

    public void Finished(Ticket ticket, TraceRequest request)
    {
        var tokens = request.PromptTokens + request.OutputTokens;
        _tokens += tokens;
        var (had, _) = _callers.GetValueOrDefault(ticket.Caller.Id);
        _callers[ticket.Caller.Id] = (had + tokens, ticket.Caller.Weight);
    }

    /// <summary>How many wait from now on; kept in bounded memory, the most of each step.</summary>
    public void Waiting(TimeSpan now, int waiting)
    {
        _mostWaiting = Math.Max(_mostWaiting, waiting);
        var at = now.TotalSeconds;
        if (_line.Count > 0 && at - _line[^1].At < _step)
        {
            _line[^1] = (_line[^1].At, Math.Max(_line[^1].Waiting, waiting));
            return;
        }
        _line.Add((at, waiting));
        if (_line.Count < 32 * Columns)
            return;
        _step *= 2;
        for (var i = 0; i + 1 < _line.Count; i++)
        {
            _line[i] = (_line[i].At, Math.Max(_line[i].Waiting, _line[i + 1].Waiting));
            _line.RemoveAt(i + 1);
        }
    }

    public SimulationResult Result(TimeSpan end, long loads, double utilization)
    {
        _waits.Sort();
        _first.Sort();
        var seconds = Math.Max(1e-9, end.TotalSeconds);
        return new SimulationResult
        {
            Requests = _waits.Count + _refused.Values.Sum(),
            Served = _waits.Count,
            Refused = _refused,
            Seconds = end.TotalSeconds,
            Wait = Quantiles.Of(_waits),
            FirstToken = Quantiles.Of(_first),
            MeanWaits = new SortedDictionary<string, double>(Enum.GetValues<PriorityClass>().Where(one => _urgent[(int)one] > 0)
                .ToDictionary(one => one.ToString().ToLowerInvariant(), one => _urgentWaits[(int)one] / _urgent[(int)one]), StringComparer.Ordinal),
            RequestsPerSecond = _waits.Count / seconds,
            TokensPerSecond = _tokens / seconds,
            GoodShare = _waits.Count == 0 ? 0 : _good / (double)(_waits.Count + _refused.Values.Sum()),
            GoodRequestsPerSecond = _good / seconds,
            GoodTokensPerSecond = _goodTokens / seconds,
            Loads = loads,
            Utilization = utilization,
            Fairness = Jain(),
            Callers = _callers.Count,
            MostWaiting = _mostWaiting,
            Waiting = Line(seconds),
        };
    }

    /// <summary>Jain's index of the callers' tokens for their weights: 1 where all have the same, 1/n where one has all (Jain, Chiu, Hawe, DEC-TR-301, 1984).</summary>
    private double Jain()
    {
        double sum = 0, squares = 0;
        // In an order of their own, so that the last digit is the same each time.
        foreach (var (_, (tokens, weight)) in _callers.OrderBy(caller => caller.Key, StringComparer.Ordinal))
        {
            var share = tokens / weight;
            sum += share;
            squares += share * share;
        }
        return squares == 0 ? 1 : sum * sum / (_callers.Count * squares);
    }

    private int[] Line(double seconds)
    {
        var line = new int[Columns];
        var current = 0;
        var at = 0;
        for (var column = 0; column < Columns; column++)
        {
            var until = seconds * (column + 1) / Columns;
            var most = current;
            for (; at < _line.Count && _line[at].At <= until; at++)
            {
                current = _line[at].Waiting;
                most = Math.Max(most, current);
            }
            line[column] = most;
        }
        return line;
    }
}
