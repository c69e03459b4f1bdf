using Chasqui.Engines.LlamaCpp.Native;
using Chasqui.Engines.LlamaCpp.Sampling;

namespace Chasqui.Engines.LlamaCpp.Decoding;

/// <summary>Makes jobs ready to run: sampler compiled, penalties told of the prompt.</summary>
internal static class GenerationJobFactory
{
    /// <exception cref="InvalidFormatException">The grammar cannot be compiled.</exception>
    internal static GenerationJob Create(LlamaModel model, JobPlan plan, TimeProvider time)
    {
        var sampler = new TokenSampler(model, plan.Sampling, plan.Grammar, time);
        var prompt = plan.Prompt.AsSpan(0, plan.Prompt.Length - plan.Replayed);
        sampler.Observe(prompt[^Math.Min(plan.Sampling.RepeatLastN, prompt.Length)..]);
        var job = new GenerationJob(plan, sampler, time);
        if (plan.Replayed == 0)
            return job;
        try
        {
            job.Replay(model);
            return job;
        }
        catch
        {
            job.Dispose();
            throw;
        }
    }
}
