using System.Buffers;
using Chasqui.Gateway.Dispatch;
using Chasqui.Gateway.Scheduling;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Server;

/// <summary><c>GET /api/queue</c>: who waits for which model and why, and what the scheduler knows of the nodes.</summary>
internal static class QueueEndpoint
{
    public const string Path = "/api/queue";

    public static async Task InvokeAsync(ApiContext api, HttpContext http)
    {
        var queue = http.RequestServices.GetRequiredService<Dispatcher>().Queue;
        var (lanes, nodes) = queue.Look();
        var buffer = new ArrayBufferWriter<byte>(1024);
        Write(buffer, lanes, nodes);
        await JsonResponse.SendAsync(http, StatusCodes.Status200OK, buffer.WrittenMemory).ConfigureAwait(false);
    }

    private static void Write(IBufferWriter<byte> output, IReadOnlyList<LaneView> lanes, IReadOnlyList<NodeView> nodes)
    {
        var json = new JsonText(output);
        json.BeginObject();
        json.Name("waiting"u8);
        json.Value((long)lanes.Sum(lane => lane.Interactive + lane.Normal + lane.Batch));
        json.Name("lines"u8);
        json.BeginArray();
        foreach (var lane in lanes)
            Write(ref json, lane);
        json.EndArray();
        json.Name("nodes"u8);
        json.BeginArray();
        foreach (var node in nodes)
            Write(ref json, node);
        json.EndArray();
        json.EndObject();
    }

    private static void Write(ref JsonText json, LaneView lane)
    {
        json.BeginObject();
        json.Name("model"u8);
        json.Value(lane.Model);
        json.Name("node"u8);
        if (lane.Node is { } node)
            json.Value(node);
        else
            json.Null();
        json.Name("interactive"u8);
        json.Value((long)lane.Interactive);
        json.Name("normal"u8);
        json.Value((long)lane.Normal);
        json.Name("batch"u8);
        json.Value((long)lane.Batch);
        json.Name("oldest_seconds"u8);
        json.Value(Math.Round(lane.Oldest.TotalSeconds, 3));
        json.Name("waits_for"u8);
        json.Value(Text(lane.Cause));
        json.EndObject();
    }

    private static void Write(ref JsonText json, NodeView node)
    {
        json.BeginObject();
        json.Name("name"u8);
        json.Value(node.Name);
        json.Name("running"u8);
        json.Value((long)node.Running);
        json.Name("resident"u8);
        json.BeginArray();
        foreach (var model in node.Resident)
            json.Value(model);
        json.EndArray();
        json.Name("making_room_for"u8);
        if (node.ClearingFor is { } model1)
            json.Value(model1);
        else
            json.Null();
        json.EndObject();
    }

    /// <summary>What a request waits for, in one word.</summary>
    public static string Text(WaitCause cause) => cause switch
    {
        WaitCause.Slots => "slot",
        WaitCause.Swap => "load",
        WaitCause.Nodes => "node",
        _ => "nothing",
    };
}
