using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Scheduling;

namespace Chasqui.Gateway.Dispatch;

/// <summary>A slot that a request has.</summary>
internal sealed class SlotGrant(RequestQueue queue, Ticket ticket) : ISlot
{
    public Ticket Ticket => ticket;

    public void Began() => queue.Began(ticket);

    public void Release(long? tokens, bool succeeded) => queue.Release(ticket, tokens, succeeded);
}
