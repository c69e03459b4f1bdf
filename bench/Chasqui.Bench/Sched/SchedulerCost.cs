using System.Diagnostics;
using System.Globalization;
using Chasqui.Gateway;
using Chasqui.Gateway.Routing;
using Chasqui.Gateway.Scheduling;

namespace Chasqui.Bench.Sched;

/// <summary>What the scheduler itself costs: one request comes, one leaves and one gets its slot, while many wait.</summary>
internal static class SchedulerCost
{
    private const int Callers = 1_000;
    private const int Cycles = 50_000;

    /// <returns>Microseconds of a request.</returns>
    public static double Measure(int waiting, CancellationToken cancellationToken)
    {
        var scheduler = new Scheduler(new QueueOptions { MaxWaiting = 1_000_000, MaxWaitingPerCaller = 1_000_000, MaxWait = TimeSpan.FromDays(1) }, new Random(1));
        scheduler.Use([new Slots()], TimeSpan.Zero);
        var running = new Queue<Ticket>();
        Caller[] callers = [.. Enumerable.Range(0, Callers).Select(i => new Caller { Id = i.ToString(CultureInfo.InvariantCulture), Weight = 1 + (i % 3) })];
        var random = new Random(2);
        var now = 0L;
        for (var i = 0; i < waiting + 4; i++)
            Enqueue();
        for (var i = 0; i < Cycles / 5; i++)
            Cycle();
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < Cycles; i++)
        {
            if (i % 1_000 == 0)
                cancellationToken.ThrowIfCancellationRequested();
            Cycle();
        }
        return clock.Elapsed.TotalMicroseconds / Cycles;

        void Cycle()
        {
            scheduler.Release(running.Dequeue(), random.Next(50, 500), succeeded: true, new TimeSpan(++now));
            foreach (var ticket in scheduler.TakeGranted())
                running.Enqueue(ticket);
            Enqueue();
        }

        void Enqueue()
        {
            var ticket = new Ticket
            {
                Model = "m",
                Caller = callers[random.Next(Callers)],
                Priority = (PriorityClass)random.Next(3),
                Tokens = random.Next(50, 500),
            };
            scheduler.Enqueue(ticket, new TimeSpan(++now));
            if (ticket.State == TicketState.Granted)
                running.Enqueue(ticket);
        }
    }

    private sealed class Slots : ISlotNode
    {
        public string Name => "n";

        public bool IsUsable => true;

        public bool SharesSlots => true;

        public int Foreign => 0;

        public bool Has(string model) => true;

        int ISlotNode.Slots(string model) => 4;

        public bool Fits(string model, IReadOnlyCollection<string> beside) => true;

        public double LoadSeconds(string model) => 1;

        public double ServiceSeconds(string model) => 0.001;

        public RouteCandidate Describe(Ticket ticket, int index, bool isResident) => new() { Index = index, Weight = 1, PromptTokensPerSecond = 1_000 };
    }
}
